import "./index.css";
import "./apps";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { asProblem } from "./api/problem";
import { runsQuery } from "./runs/runs_query";
import { accountQuery } from "./shell/me";
import { makeRouter } from "./shell/router";
import { applyTheme } from "./shell/theme";

applyTheme();
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
if (nonce) setNonce(nonce); // for the styles that dialogs add while they are open

/** Whose key was revoked or whose session has ended is asked anew who he is. */
function askAgain(error: unknown): void {
  if (asProblem(error).status !== 401) return;
  const account = queries.getQueryState(accountQuery.queryKey);
  if (account?.status === "success") void queries.invalidateQueries({ queryKey: accountQuery.queryKey });
}

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: askAgain }),
  mutationCache: new MutationCache({ onError: askAgain }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (times, error) => times < 2 && asProblem(error).passes,
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

// What the first page needs is asked for before its code has come.
void queries.prefetchQuery(accountQuery);
if (window.location.pathname === "/") void queries.prefetchInfiniteQuery(runsQuery("", ""));

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root.");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
);

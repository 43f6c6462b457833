import "./index.css";
import "./apps";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { asProblem } from "./api/problem";
import { ALL, examplesQuery, runsQuery } from "./runs/runs_query";
import { accountQuery } from "./shell/me";
import { makeRouter } from "./shell/router";
import { applyTheme } from "./shell/theme";

const WORTH_MS = 300;

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

/** Shows the page as soon as what it needs has come, all at once: each further drawing takes time on a slow machine. */
async function start(root: HTMLElement): Promise<void> {
  const router = makeRouter();
  const rows = window.location.pathname === "/" ? prefetchRuns() : Promise.resolve();
  await Promise.all([queries.prefetchQuery(accountQuery), soon(rows), soon(router.load())]);
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

/** The newest runs; where there are none, the examples that are offered instead. */
async function prefetchRuns(): Promise<void> {
  const runs = runsQuery(ALL);
  await queries.prefetchInfiniteQuery(runs);
  const nothing = queries.getQueryData(runs.queryKey)?.pages[0]?.runs.length === 0;
  if (nothing) await queries.prefetchQuery(examplesQuery);
  else localStorage.setItem("stretto.ran", "yes"); // `early.ts` asks for no examples any more
}

/** Waits for what is worth waiting for, but not for long. */
function soon(thing: Promise<unknown>): Promise<unknown> {
  return Promise.race([thing, new Promise((resolve) => setTimeout(resolve, WORTH_MS))]);
}

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root.");
void start(root);

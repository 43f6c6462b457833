import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent } from "@tanstack/react-router";
import { Failure } from "@/ui/failure";
import { Empty } from "@/ui/panel";
import { say } from "@/ui/toasts";
import { Frame } from "./frame";
import { allSections } from "./pages";

const AGAIN_MS = 1_000;

/** A page's code, as soon as the server can be reached. Without this the router would load all anew, and nothing would be left. */
async function loaded<T>(load: () => Promise<T>): Promise<T> {
  let told: (() => void) | undefined;
  for (;;) {
    try {
      return await load();
    } catch (error) {
      // It answers, but not with this file: the dashboard was built anew, and the router loads it.
      if (
        await fetch("/healthz", { cache: "no-store" }).then(
          () => true,
          () => false,
        )
      )
        throw error;
    } finally {
      told?.();
    }
    told = say("The server cannot be reached. The page opens as soon as it answers.", { tone: "bad", forMs: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Makes the router of all sections' pages. */
export function makeRouter() {
  const root = createRootRoute({
    component: Frame,
    errorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
    notFoundComponent: () => (
      <Empty title="There is no such page.">
        <Link to="/" className="text-accent underline">
          Go to the runs
        </Link>
      </Empty>
    ),
  });
  const routes = allSections().flatMap((section) =>
    section.pages.map((page) =>
      createRoute({
        getParentRoute: () => root,
        path: page.path,
        component: lazyRouteComponent(() => loaded(page.load)),
      }),
    ),
  );
  return createRouter({
    routeTree: root.addChildren(routes),
    defaultPreload: "intent",
    scrollRestoration: true,
  });
}

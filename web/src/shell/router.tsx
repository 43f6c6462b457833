import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent } from "@tanstack/react-router";
import { Failure } from "@/ui/failure";
import { Empty } from "@/ui/panel";
import { Frame } from "./frame";
import { allSections } from "./pages";

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
      createRoute({ getParentRoute: () => root, path: page.path, component: lazyRouteComponent(page.load) }),
    ),
  );
  return createRouter({
    routeTree: root.addChildren(routes),
    defaultPreload: "intent",
    scrollRestoration: true,
  });
}

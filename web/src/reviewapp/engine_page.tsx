import "./reviewapp.css";
import { useQuery } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { clsx } from "clsx";
import type { ReactNode } from "react";
import { Failure } from "@/ui/failure";
import { Empty, PageHead } from "@/ui/panel";
import { overviewQuery } from "./data";
import { ImportButton } from "./import_button";

const PAGES = [
  { path: "/apps/reviews", label: "Overview" },
  { path: "/apps/reviews/ask", label: "Ask" },
  { path: "/apps/reviews/reviews", label: "All reviews" },
  { path: "/apps/reviews/map", label: "Map" },
  { path: "/apps/reviews/aside", label: "Set aside" },
  { path: "/apps/reviews/customers", label: "Customers" },
];

/** What stands around each page of the review engine: its head, the ways to its other pages, and what to do where there is no review yet. */
export function EnginePage({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const overview = useQuery(overviewQuery(365));
  const none = overview.data?.totals.reviews === 0;
  return (
    <div className="mx-auto flex max-w-7xl flex-col gap-4">
      <div>
        <PageHead title={title} actions={actions} />
        <nav aria-label="Review engine" className="flex overflow-x-auto border-b">
          {PAGES.map((page) => (
            <Link
              key={page.path}
              to={page.path}
              aria-current={page.path === path ? "page" : undefined}
              activeOptions={{ exact: true }}
              className={clsx(
                "border-b-2 px-3 py-2 font-medium whitespace-nowrap focus-visible:outline-offset-[-2px]",
                page.path === path ? "border-accent text-ink" : "border-transparent text-soft hover:text-ink",
              )}
            >
              {page.label}
            </Link>
          ))}
        </nav>
      </div>
      {overview.isError && <Failure error={overview.error} retry={() => void overview.refetch()} />}
      {overview.isPending && <p className="text-soft">Loading…</p>}
      {none && <NoReviews />}
      {overview.isSuccess && !none && children}
    </div>
  );
}

function NoReviews() {
  return (
    <Empty title="There are no reviews yet.">
      <p className="max-w-prose">
        Import a file, send reviews to <code>/v1/apps/reviews/reviews</code>, or start with real texts to look around:{" "}
        <code>stretto up --app reviews --samples</code>
      </p>
      <ImportButton look="main" />
    </Empty>
  );
}

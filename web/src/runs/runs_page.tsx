import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { dollars, duration, Time } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Input, Select } from "@/ui/field";
import { Empty, PageHead } from "@/ui/panel";
import { Status } from "@/ui/status";

type Run = Schemas["RunSummary"];
const STATUSES = ["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"] as const;
const AT_WORK = new Set<string>(["accepted", "running"]);
const PAGE = 100;
const ROW_PX = 44;

export default function RunsPage() {
  const [status, setStatus] = useState<(typeof STATUSES)[number] | "">("");
  const [search, setSearch] = useState("");
  const found = useInfiniteQuery({
    queryKey: ["runs", status, search],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/runs", {
          params: { query: { limit: PAGE, cursor: pageParam, ...(status ? { status: [status] } : {}) } },
        }),
      ),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 3 ? false : 2_000),
  });
  const runs = useMemo(() => found.data?.pages.flatMap((page) => page.runs) ?? [], [found.data]);
  return (
    <>
      <PageHead
        title="Runs"
        actions={
          <>
            <Input
              type="search"
              aria-label="Search"
              placeholder="Flow or id"
              className="w-48"
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
            <Select
              aria-label="Status"
              value={status}
              onChange={(event) => setStatus(event.target.value as typeof status)}
            >
              <option value="">all states</option>
              {STATUSES.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </Select>
          </>
        }
      />
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && runs.length === 0 && (
        <Empty title={status || search ? "No run is like that." : "Nothing has run yet."} />
      )}
      {runs.length > 0 && (
        <RunTable
          runs={runs}
          more={found.hasNextPage}
          busy={found.isFetchingNextPage}
          onMore={() => void found.fetchNextPage()}
        />
      )}
    </>
  );
}

function RunTable({ runs, more, busy, onMore }: { runs: Run[]; more: boolean; busy: boolean; onMore: () => void }) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: runs.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const shown = rows.getVirtualItems();
  const last = shown[shown.length - 1]?.index ?? 0;
  useEffect(() => {
    if (more && !busy && last >= runs.length - 20) onMore();
  }, [last, more, busy, runs.length, onMore]);
  return (
    <div ref={frame} tabIndex={0} className="h-[calc(100dvh-9rem)] overflow-auto rounded-lg border bg-card">
      <div role="table" aria-label="Runs" aria-rowcount={runs.length} className="min-w-[44rem]">
        <div
          role="row"
          className="sticky top-0 z-10 grid grid-cols-[minmax(10rem,2fr)_8rem_9rem_8rem_7rem] gap-3 border-b bg-card px-4 py-2 text-xs font-semibold text-soft"
        >
          <span role="columnheader">Flow</span>
          <span role="columnheader">State</span>
          <span role="columnheader">Accepted</span>
          <span role="columnheader" className="text-right">
            Time
          </span>
          <span role="columnheader" className="text-right">
            Cost
          </span>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
          {shown.map((item) => {
            const run = runs[item.index] as Run;
            return (
              <div
                key={run.id}
                role="row"
                className="absolute inset-x-0 grid grid-cols-[minmax(10rem,2fr)_8rem_9rem_8rem_7rem] items-center gap-3 border-b px-4 hover:bg-sunk"
                style={{ height: ROW_PX, transform: `translateY(${item.start}px)` }}
              >
                <span role="cell" className="truncate">
                  <Link to="/runs/$runId" params={{ runId: run.id }} className="font-medium hover:underline">
                    {run.flow_name}
                  </Link>{" "}
                  <span className="font-mono text-xs text-soft">{run.id.slice(-8)}</span>
                </span>
                <span role="cell">
                  <Status status={run.status} />
                </span>
                <span role="cell" className="text-soft">
                  <Time at={run.accepted_at} relative />
                </span>
                <span role="cell" className="text-right tabular-nums">
                  <Took run={run} />
                </span>
                <span role="cell" className="text-right tabular-nums">
                  {dollars(run.cost_usd)}
                </span>
              </div>
            );
          })}
        </div>
      </div>
      {busy && <p className="p-3 text-center text-soft">Loading…</p>}
    </div>
  );
}

function Took({ run }: { run: Run }) {
  const end = run.finished_at
    ? Date.parse(run.finished_at)
    : AT_WORK.has(run.status)
      ? Date.now()
      : Date.parse(run.updated_at);
  return <>{duration(end - Date.parse(run.accepted_at))}</>;
}

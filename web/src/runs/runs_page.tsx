import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { Schemas } from "@/api/client";
import { serverNow } from "@/api/server_clock";
import { brief, count, dollars, duration, Time } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Input, Select } from "@/ui/field";
import { Empty, PageHead } from "@/ui/panel";
import { Status } from "@/ui/status";
import FirstStart from "./first_start";
import { runsQuery } from "./runs_query";

type Run = Schemas["RunSummary"];
const STATUSES = ["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"] as const;
const AT_WORK = new Set<string>(["accepted", "running"]);
const ROW_PX = 44;
const COLUMNS = "grid grid-cols-[minmax(10rem,2fr)_8rem_9rem_7rem_7rem_6rem] items-center gap-3 px-4";

export default function RunsPage() {
  const [status, setStatus] = useState<(typeof STATUSES)[number] | "">("");
  const [words, setWords] = useState("");
  const search = useDeferredValue(words.trim());
  const filtered = status !== "" || search !== "";
  const found = useInfiniteQuery(runsQuery(status, search));
  const runs = useMemo(() => found.data?.pages.flatMap((page) => page.runs) ?? [], [found.data]);
  const nothing = found.isSuccess && runs.length === 0;
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
              value={words}
              onChange={(event) => setWords(event.target.value)}
            />
            <Select
              aria-label="State"
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
      {found.isPending && <p className="text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {nothing && filtered && <Empty title="No run is like that.">Change the search or the state.</Empty>}
      {nothing && !filtered && <FirstStart />}
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
          className={`${COLUMNS} sticky top-0 z-10 border-b bg-card py-2 text-xs font-semibold text-soft`}
        >
          <span role="columnheader">Flow</span>
          <span role="columnheader">State</span>
          <span role="columnheader">Accepted</span>
          <span role="columnheader" className="text-right">
            Time
          </span>
          <span role="columnheader" className="text-right">
            Tokens
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
                className={`${COLUMNS} absolute inset-x-0 border-b hover:bg-sunk`}
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
                <span role="cell" className="text-right tabular-nums" title={tokensTold(run)}>
                  {brief((run.input_tokens ?? 0) + (run.output_tokens ?? 0))}
                </span>
                <span
                  role="cell"
                  className="text-right tabular-nums"
                  title={run.simulated && run.simulated !== "no" ? "simulated: no model was at work" : undefined}
                >
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
      ? serverNow()
      : Date.parse(run.updated_at);
  return <>{duration(end - Date.parse(run.accepted_at))}</>;
}

function tokensTold(run: Run): string {
  return `${count(run.input_tokens ?? 0)} in, ${count(run.output_tokens ?? 0)} out`;
}

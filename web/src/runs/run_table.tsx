import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowUp } from "lucide-react";
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import { serverNow } from "@/api/server_clock";
import { brief, count, dollars, duration, Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Status } from "@/ui/status";
import type { Run } from "./run_pages";

const AT_WORK = new Set<string>(["accepted", "running"]);
const ROW_PX = 44;
const COLUMNS = "grid grid-cols-[minmax(10rem,2fr)_8rem_9rem_7rem_7rem_6rem] items-center gap-3 px-4";

/** Runs, of which only the rows in sight are drawn. It tells which these are; more come as it is scrolled. */
export function RunTable({
  runs,
  more,
  busy,
  onMore,
  onSeen,
}: {
  runs: Run[];
  more: boolean;
  busy: boolean;
  onMore: () => void;
  onSeen: (rows: readonly [number, number]) => void;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: runs.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const shown = rows.getVirtualItems();
  const last = shown[shown.length - 1]?.index ?? 0;
  const from = rows.range?.startIndex ?? 0;
  const to = rows.range?.endIndex ?? 0;
  useEffect(() => onSeen([from, to]), [from, to, onSeen]);
  useSteady(frame, runs);
  useEffect(() => {
    if (more && !busy && last >= runs.length - 20) onMore();
  }, [last, more, busy, runs.length, onMore]);
  return (
    <div className="relative">
      <div
        ref={frame}
        tabIndex={0}
        className="h-[calc(100dvh-15rem)] min-h-60 md:h-[calc(100dvh-9rem)] overflow-auto rounded-lg border bg-card"
      >
        <div role="table" aria-label="Runs" aria-rowcount={more ? -1 : runs.length + 1} className="min-w-[44rem]">
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
                  aria-rowindex={item.index + 2}
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
      {from > 0 && (
        <Button className="absolute right-5 bottom-3 shadow-lg" onClick={() => frame.current?.scrollTo({ top: 0 })}>
          <ArrowUp size={14} aria-hidden /> To the beginning
        </Button>
      )}
    </div>
  );
}

/** Keeps the rows that are looked at where they are when others come before them. At the very beginning, new ones are shown. */
function useSteady(frame: RefObject<HTMLDivElement | null>, runs: readonly Run[]): void {
  const first = useRef(runs[0]?.id);
  useLayoutEffect(() => {
    const before = runs.findIndex((run) => run.id === first.current);
    first.current = runs[0]?.id;
    if (frame.current && before > 0 && frame.current.scrollTop > 0) frame.current.scrollTop += before * ROW_PX;
  }, [frame, runs]);
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

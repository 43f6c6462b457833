import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useState, useSyncExternalStore } from "react";
import { api, body, type Schemas } from "@/api/client";
import { ScoreStore } from "@/score/store";
import { Track } from "@/score/track";
import type { Entry } from "@/stream/entry";
import { count, dollars, duration } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Json } from "@/ui/json";
import { PageHead, Panel } from "@/ui/panel";
import { Status } from "@/ui/status";

/** Two runs side by side: their scores, step by step what differs, and what they came to. */
export default function ComparePage() {
  const { runId, otherId } = useParams({ strict: false }) as { runId: string; otherId: string };
  const one = useRun(runId);
  const other = useRun(otherId);
  const problem = one.run.error ?? other.run.error;
  if (problem) return <Failure error={problem} />;
  return (
    <div className="flex flex-col gap-4">
      <PageHead title="Two runs" />
      <div className="grid gap-4 xl:grid-cols-2">
        <Side id={runId} side={one} />
        <Side id={otherId} side={other} />
      </div>
      <Steps one={one.store} other={other.store} />
      <div className="grid gap-4 xl:grid-cols-2">
        <Ends run={one.run.data} />
        <Ends run={other.run.data} />
      </div>
    </div>
  );
}

function useRun(runId: string) {
  const run = useQuery({
    queryKey: ["run", runId],
    queryFn: () => body(api.GET("/v1/runs/{run_id}", { params: { path: { run_id: runId } } })),
  });
  const [store] = useState(() => new ScoreStore());
  useEffect(() => store.open(runId, true), [store, runId]);
  useSyncExternalStore(store.watch, store.snapshot);
  return { run, store };
}

function Side({ id, side }: { id: string; side: ReturnType<typeof useRun> }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const { store } = side;
  const spent = store.score.spentAt(store.shown);
  return (
    <Panel
      flush
      title={
        <Link to="/runs/$runId" params={{ runId: id }} className="hover:underline">
          {store.score.flow} <span className="font-mono text-xs text-soft">{id.slice(-8)}</span>
        </Link>
      }
      actions={
        <>
          <Status status={store.score.status} />
          <span className="text-soft tabular-nums">
            {store.score.startedAt === null ? "" : duration(store.latest - store.score.startedAt)} ·{" "}
            {count(spent.output)} tokens · {dollars(spent.costUsd)}
          </span>
        </>
      }
    >
      <div className="flex h-80 flex-col overflow-hidden">
        <Track store={store} zoom={1} follow={false} chosen={chosen} onChoose={setChosen} onFollow={() => undefined} />
      </div>
    </Panel>
  );
}

function Steps({ one, other }: { one: ScoreStore; other: ScoreStore }) {
  const paths = [...new Set([...one.score.entries.keys(), ...other.score.entries.keys()])];
  return (
    <Panel title="Step by step" flush>
      <div className="overflow-x-auto">
        <table className="w-full min-w-[40rem] text-sm">
          <thead className="text-left text-xs text-soft">
            <tr>
              <th className="px-4 py-2 font-medium">Step</th>
              <th className="px-4 py-2 font-medium">This run</th>
              <th className="px-4 py-2 font-medium">The other</th>
              <th className="px-4 py-2 font-medium">Text</th>
            </tr>
          </thead>
          <tbody>
            {paths.map((path) => {
              const left = one.score.entries.get(path);
              const right = other.score.entries.get(path);
              return (
                <tr key={path} className="border-t align-top">
                  <td className="px-4 py-1.5 font-mono text-xs">{path}</td>
                  <td className="px-4 py-1.5">{told(left)}</td>
                  <td className="px-4 py-1.5">{told(right)}</td>
                  <td className="px-4 py-1.5">{compared(left, right)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function told(entry: Entry | undefined): string {
  if (!entry) return "–";
  const took = entry.to === null ? "" : duration(entry.to - entry.from);
  return [
    entry.outcome,
    took,
    entry.tokens ? `${count(entry.tokens)} tokens` : "",
    entry.costUsd ? dollars(entry.costUsd) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

function compared(one: Entry | undefined, other: Entry | undefined): string {
  if (!one || !other) return "only in one";
  const left = one.live.standing;
  const right = other.live.standing;
  if (left === right) return left === "" ? "" : "the same";
  return "differs";
}

function Ends({ run }: { run: Schemas["RunDetail"] | undefined }) {
  if (!run) return null;
  return (
    <Panel title="Input, output">
      <div className="flex flex-col gap-2">
        <Json value={run.input} label="Input" />
        <Json value={run.output} label="Output" />
      </div>
    </Panel>
  );
}

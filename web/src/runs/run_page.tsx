import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useState, useSyncExternalStore } from "react";
import { api, body } from "@/api/client";
import { ScoreStore } from "@/score/store";
import { Track } from "@/score/track";
import { Transport } from "@/score/transport";
import { brief, dollars, duration } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Json } from "@/ui/json";
import { Empty, PageHead } from "@/ui/panel";
import { Badge, Status } from "@/ui/status";
import { Tabs } from "@/ui/tabs";
import { CompareDialog } from "./compare_dialog";
import { Controls } from "./controls";
import { FactsSheet } from "./facts_sheet";
import { ForkDialog } from "./fork_dialog";
import { GraphSheet } from "./graph_sheet";
import { StepSheet } from "./step_sheet";

const ENDED = new Set(["completed", "failed", "cancelled"]);
/** How often a run that is over is looked at: it may be resumed from elsewhere. */
const LOOK_MS = 2_000;
/** The run and its last fact were written within this time of each other. */
const SAME_MS = 1_000;

export default function RunPage() {
  const { runId } = useParams({ strict: false }) as { runId: string };
  return <RunView key={runId} runId={runId} />;
}

function RunView({ runId }: { runId: string }) {
  const [store] = useState(() => new ScoreStore());
  const run = useQuery({
    queryKey: ["run", runId],
    queryFn: () => body(api.GET("/v1/runs/{run_id}", { params: { path: { run_id: runId } } })),
    refetchInterval: () => (store.link === "over" ? LOOK_MS : false),
  });
  const first = run.data?.status;
  const [opened, setOpened] = useState<string | null>(null);
  if (first && opened === null) setOpened(first);
  useEffect(() => (opened === null ? undefined : store.open(runId, ENDED.has(opened))), [store, runId, opened]);
  useSyncExternalStore(store.watch, store.snapshot);
  const { score } = store;
  const over = score.over;
  const { refetch } = run;
  useEffect(() => {
    if (over) void refetch();
  }, [over, refetch]);
  // What was answered since then tells whether it goes on, or has gone on and ended again.
  const told = store.link === "over" && run.dataUpdatedAt > store.linkedAt ? run.data : undefined;
  const goesOn = told && (!ENDED.has(told.status) || Date.parse(told.updated_at) > score.clock + SAME_MS);
  const changed = goesOn ? told.updated_at : null;
  useEffect(() => {
    if (changed !== null) store.again(changed);
  }, [changed, store]);

  const [zoom, setZoom] = useState(1);
  const [follow, setFollow] = useState(true);
  const [speed, setSpeed] = useState(1);
  const [picked, setPicked] = useState<string | null>(null);
  const chosen = picked ?? firstVoice(store) ?? null;
  const [tab, setTab] = useState("step");
  const [forking, setForking] = useState(false);
  const [comparing, setComparing] = useState(false);
  const entry = chosen === null ? undefined : store.score.entries.get(chosen);
  const choose = (path: string) => {
    setPicked(path);
    setTab("step");
  };
  // What was read once stays to be seen when reading it again fails, and so does what is being written in a dialog.
  if (run.isLoadingError) return <Failure error={run.error} retry={() => void run.refetch()} />;
  return (
    <div className="flex flex-col lg:h-[calc(100dvh-3rem)]">
      <PageHead
        title={score.flow || run.data?.flow_name || "…"}
        beside={
          <>
            <Status status={score.status} />
            <Totals store={store} />
            <Connection store={store} />
            {run.data?.parent_id && (
              <Link
                to="/runs/$runId/compare/$otherId"
                params={{ runId: run.data.parent_id, otherId: runId }}
                className="text-accent underline"
              >
                compare with the run it was forked from
              </Link>
            )}
          </>
        }
        actions={
          <Controls
            runId={runId}
            status={score.status}
            step={chosen}
            stepFailed={entry?.outcome === "failed"}
            onFork={() => setForking(true)}
            onCompare={() => setComparing(true)}
          />
        }
      />
      {score.error && (
        <p tabIndex={0} className="mb-2 max-h-24 shrink-0 overflow-auto text-bad wrap-anywhere">
          {score.error}
        </p>
      )}
      <div className="grid min-h-0 flex-1 gap-3 lg:grid-cols-[minmax(0,1fr)_26rem]">
        <div className="flex min-h-0 min-w-0 flex-col gap-3">
          <section
            aria-label="Score"
            className="flex h-[60dvh] min-h-0 flex-col overflow-hidden rounded-lg border bg-card lg:h-auto lg:flex-1"
          >
            <Transport store={store} zoom={zoom} onZoom={setZoom} speed={speed} onSpeed={setSpeed} />
            <Track store={store} zoom={zoom} follow={follow} chosen={chosen} onChoose={choose} onFollow={setFollow} />
          </section>
          <section aria-label="Graph" className="overflow-hidden rounded-lg border bg-card">
            <GraphSheet store={store} runId={runId} chosen={chosen} onChoose={choose} />
          </section>
        </div>
        <aside aria-label="Details" className="flex min-h-0 flex-col overflow-hidden rounded-lg border bg-card">
          <Tabs
            label="Details"
            value={tab}
            onChange={setTab}
            tabs={[
              {
                id: "step",
                label: "Step",
                content: entry ? (
                  <StepSheet key={entry.path} store={store} runId={runId} entry={entry} />
                ) : (
                  <Empty title="No step is chosen.">Choose a voice in the score, or a node in the graph.</Empty>
                ),
              },
              { id: "facts", label: "Facts", content: <FactsSheet store={store} /> },
              {
                id: "run",
                label: "Input, output",
                content: (
                  <div className="flex flex-col gap-3 p-4">
                    <h2>Input</h2>
                    <Json value={run.data?.input} label="Input" />
                    <h2>Output</h2>
                    {score.status === "completed" ? (
                      <Json value={score.output} label="Output" />
                    ) : (
                      <p className="text-soft">There is none yet.</p>
                    )}
                  </div>
                ),
              },
            ]}
          />
        </aside>
      </div>
      {comparing && run.data && <CompareDialog run={run.data} onClose={() => setComparing(false)} />}
      {forking && run.data && (
        <ForkDialog run={run.data} store={store} step={chosen} onClose={() => setForking(false)} />
      )}
    </div>
  );
}

/** The first step that has written something, or the first of all. */
function firstVoice(store: ScoreStore): string | undefined {
  const lines = store.score.lines;
  const speaking = lines.find((line) => line.entries.some((entry) => entry.strokes.length > 0));
  return (speaking ?? lines[0])?.entries[0]?.path;
}

function Totals({ store }: { store: ScoreStore }) {
  const { score } = store;
  const spent = score.spentAt(store.shown);
  const took = score.startedAt === null ? 0 : store.latest - score.startedAt;
  return (
    <span className="flex flex-wrap items-center gap-2 text-soft tabular-nums">
      {score.endedAt !== null && <span>{duration(took)}</span>}
      <span>{brief(spent.output)} tokens</span>
      <span>{dollars(spent.costUsd)}</span>
      {spent.simulated && (
        <Badge tone="busy" title="No model was at work: the texts are made up.">
          simulated
        </Badge>
      )}
    </span>
  );
}

function Connection({ store }: { store: ScoreStore }) {
  if (store.link === "lost") {
    return (
      <Badge tone="bad" title={store.problem?.detail ?? "It comes back by itself, and misses nothing."}>
        connection lost, trying again
      </Badge>
    );
  }
  if (store.link === "refused") return <Badge tone="bad">{store.problem?.title ?? "refused"}</Badge>;
  return null;
}

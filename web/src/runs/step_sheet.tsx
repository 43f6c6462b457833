import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, body, type Schemas } from "@/api/client";
import type { ScoreStore } from "@/score/store";
import { VoiceSheet } from "@/score/voice_sheet";
import type { Entry } from "@/stream/entry";
import { count, dollars, duration, Time } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Json } from "@/ui/json";
import { Status } from "@/ui/status";
import { NodeList } from "./node_list";

type Step = Schemas["StepDetail"];

/** One step in full: text, input, prompt, output, and what its calls came to. */
export function StepSheet({ store, runId, entry }: { store: ScoreStore; runId: string; entry: Entry }) {
  const found = useQuery({
    queryKey: ["step", runId, entry.path, entry.attempt, entry.outcome, entry.marks.length],
    staleTime: entry.to === null ? 5_000 : Number.POSITIVE_INFINITY,
    placeholderData: (before: Step | undefined) => (before?.path === entry.path ? before : undefined),
    queryFn: () =>
      body(api.GET("/v1/runs/{run_id}/steps/{step}", { params: { path: { run_id: runId, step: entry.path } } })),
  });
  const step = found.data;
  return (
    <div className="flex flex-col gap-4 p-4">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="font-mono">{entry.path}</h2>
        <Status status={entry.outcome} />
        {step && (
          <span className="text-soft">{[step.kind, step.agent, step.tool, step.flow].filter(Boolean).join(" · ")}</span>
        )}
      </div>
      <Figures entry={entry} step={step} />
      {entry.outcome === "waiting" && entry.pauses[entry.pauses.length - 1]?.kind === "review" && (
        <p>
          It waits for a person.{" "}
          <Link to="/reviews" className="text-accent underline">
            Go to the reviews
          </Link>
        </p>
      )}
      {entry.error && <p className="text-bad">{entry.error}</p>}
      {entry.strokes.length > 0 && <VoiceSheet store={store} entry={entry} />}
      <NodeList store={store} step={entry.path} />
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {step && <Rest step={step} />}
    </div>
  );
}

function Figures({ entry, step }: { entry: Entry; step: Step | undefined }) {
  const facts: [string, React.ReactNode][] = [
    ["began", <Time key="began" at={entry.from} />],
    ["took", entry.to === null ? (entry.outcome === "waiting" ? "waits" : "at work") : duration(entry.to - entry.from)],
    ["attempt", entry.tries],
    ["tokens", count(entry.tokens)],
    ["cost", dollars(entry.costUsd)],
    ["model", step?.calls[step.calls.length - 1]?.model || entry.model || "–"],
  ];
  return (
    <dl className="grid grid-cols-3 gap-x-4 gap-y-1 text-xs">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="text-soft">{name}</dt>
          <dd className="font-medium">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Rest({ step }: { step: Step }) {
  return (
    <>
      {step.output !== null && step.output !== undefined && !step.is_text && (
        <Fold title="Output" open>
          <Json value={step.output} label="Output" />
        </Fold>
      )}
      {step.input && Object.keys(step.input).length > 0 && (
        <Fold title="Input">
          <Json value={step.input} label="Input" />
        </Fold>
      )}
      {step.prompt && step.prompt.length > 0 && (
        <Fold title={step.prompt.length === 1 ? "Prompt" : `Prompt (${step.prompt.length} messages)`}>
          {step.prompt.map((message, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: messages keep their places
            <div key={index} className="mb-2">
              <p className="text-xs font-semibold text-soft">{message.role}</p>
              <Json value={message.content} label={`Message of ${message.role}`} />
            </div>
          ))}
        </Fold>
      )}
      {step.calls.length > 0 && (
        <Fold title={`Model calls (${step.calls.length})`}>
          <Calls calls={step.calls} />
        </Fold>
      )}
      {step.tools.length > 0 && (
        <Fold title={`Tools (${step.tools.length})`}>
          {step.tools.map((tool) => (
            <div key={`${tool.turn} ${tool.at} ${tool.arguments}`} className="mb-2">
              <p>
                <code className="font-mono">{tool.tool}</code>{" "}
                <span className="text-soft">
                  turn {tool.turn}, {duration(tool.took_s * 1000)}
                </span>
              </p>
              <Json value={tool.arguments} label={`Arguments of ${tool.tool}`} />
              {tool.error ? (
                <p className="text-bad">{tool.error}</p>
              ) : (
                <Json value={tool.output} label={`Output of ${tool.tool}`} />
              )}
            </div>
          ))}
        </Fold>
      )}
      {step.failures.length > 0 && (
        <Fold title={`Failures (${step.failures.length})`} open>
          <ul className="flex flex-col gap-1">
            {step.failures.map((failure) => (
              <li key={failure.attempt}>
                <span className="text-soft">
                  attempt {failure.attempt}, <Time at={failure.at} />:
                </span>{" "}
                {failure.error}
              </li>
            ))}
          </ul>
        </Fold>
      )}
      {step.feedback.length > 0 && (
        <Fold title="Feedback" open>
          <ul className="list-disc pl-5">
            {step.feedback.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Fold>
      )}
      {step.cut.length > 0 && (
        <p className="text-xs text-soft">
          Cut to a size that can be shown: {step.cut.join(", ")}. The facts have all of it.
        </p>
      )}
    </>
  );
}

function Calls({ calls }: { calls: Schemas["CallShown"][] }) {
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-xs">
        <thead className="text-left text-soft">
          <tr>
            <th className="pr-3 font-medium">answered by</th>
            <th className="pr-3 font-medium">outcome</th>
            <th className="pr-3 text-right font-medium">in</th>
            <th className="pr-3 text-right font-medium">out</th>
            <th className="text-right font-medium">cost</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={`${call.attempt} ${call.at}`} title={call.reason} className="border-t align-top">
              <td className="py-1 pr-3 font-mono">{call.deployment || call.model || call.route}</td>
              <td className="py-1 pr-3">{call.error || (call.cached ? `cache (${call.cached})` : call.outcome)}</td>
              <td className="py-1 pr-3 text-right tabular-nums">{count(call.tokens.input_tokens ?? 0)}</td>
              <td className="py-1 pr-3 text-right tabular-nums">{count(call.tokens.output_tokens ?? 0)}</td>
              <td className="py-1 text-right tabular-nums">{dollars(call.cost_usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Fold({ title, open = false, children }: { title: string; open?: boolean; children: React.ReactNode }) {
  return (
    <details open={open} className="rounded-md border px-3 py-2">
      <summary className="cursor-pointer font-medium">{title}</summary>
      <div className="pt-2">{children}</div>
    </details>
  );
}

import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { useState } from "react";
import { api, body } from "@/api/client";
import { Time } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Empty, Panel } from "@/ui/panel";
import { type DiffKind, type DiffLine, diffLines } from "./diff_lines";
import { useVersionList, VersionSelect } from "./versions";

/** A flow's versions, and how any two of them differ. */
export function FlowVersions({ name, latest }: { name: string; latest: number }) {
  const found = useVersionList(name);
  const [chosen, setChosen] = useState<{ from: number; to: number } | null>(null);
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  const versions = found.data ?? [];
  const numbers = versions.map((each) => each.version);
  const from = chosen?.from ?? Math.max(1, latest - 1);
  const to = chosen?.to ?? latest;
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[16rem_minmax(0,1fr)]">
      <Panel title="Versions" flush>
        <ul>
          {versions.map((each) => (
            <li key={each.version} className="border-b px-4 py-2 last:border-b-0">
              <span className="flex items-baseline justify-between gap-2">
                <span className="font-medium">Version {each.version}</span>
                <span className="text-xs text-soft">
                  <Time at={each.created_at} relative />
                </span>
              </span>
              <code className="font-mono text-xs text-soft" title={`SHA-256 ${each.digest}`}>
                {each.digest.slice(0, 12)}
              </code>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel
        title="Difference"
        actions={
          <>
            <VersionSelect
              label="from"
              versions={numbers}
              value={from}
              onChange={(version) => setChosen({ from: version, to })}
            />
            <VersionSelect
              label="to"
              versions={numbers}
              value={to}
              onChange={(version) => setChosen({ from, to: version })}
            />
          </>
        }
        flush
      >
        <Difference name={name} from={from} to={to} />
      </Panel>
    </div>
  );
}

function Difference({ name, from, to }: { name: string; from: number; to: number }) {
  const found = useQuery({
    queryKey: ["flows", name, "diff", from, to],
    enabled: from !== to,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => body(api.GET("/v1/flows/{name}/diff", { params: { path: { name }, query: { from, to } } })),
  });
  if (from === to) return <Empty title="Choose two versions to see how they differ." />;
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <p className="p-4 text-soft">Loading…</p>;
  const lines = diffLines(found.data.lines);
  if (lines.length === 0) return <Empty title="They are the same." />;
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label={`From version ${from} to ${to}`}
      className="max-h-[60dvh] overflow-auto font-mono text-xs leading-5"
    >
      <div className="w-max min-w-full">
        {lines.map((line) => (
          <Line key={`${line.before} ${line.after} ${line.text}`} line={line} />
        ))}
      </div>
    </div>
  );
}

const SIGN: Record<DiffKind, string> = { added: "+", removed: "−", same: " ", place: "" };

function Line({ line }: { line: DiffLine }) {
  if (line.kind === "place") return <div className="bg-sunk px-3 text-soft">{line.text}</div>;
  return (
    <div
      className={clsx(
        "flex whitespace-pre",
        line.kind === "added" && "bg-good/10",
        line.kind === "removed" && "bg-bad/10",
      )}
    >
      <span aria-hidden className="w-10 shrink-0 px-1 text-right text-soft select-none">
        {line.before}
      </span>
      <span aria-hidden className="w-10 shrink-0 px-1 text-right text-soft select-none">
        {line.after}
      </span>
      <span aria-hidden className="w-5 shrink-0 text-center select-none">
        {SIGN[line.kind]}
      </span>
      {line.kind !== "same" && <span className="sr-only">{line.kind}: </span>}
      {line.kind === "added" ? <ins className="no-underline">{line.text}</ins> : null}
      {line.kind === "removed" ? <del className="no-underline">{line.text}</del> : null}
      {line.kind === "same" ? <span>{line.text}</span> : null}
    </div>
  );
}

import { useMutation, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { count, Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Panel } from "@/ui/panel";
import { save } from "@/ui/save";
import { Badge } from "@/ui/status";
import { sayProblem } from "@/ui/toasts";
import { type Import, importsQuery, rejectsCsv } from "./data";

/** What was handed in, and how far it is. */
export function Imports() {
  const found = useQuery(importsQuery);
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data || found.data.imports.length === 0) return null;
  return (
    <Panel title="Imports" flush>
      <ul aria-label="Imports" tabIndex={0} className="max-h-72 divide-y overflow-auto">
        {found.data.imports.map((each) => (
          <OneImport key={each.id} of={each} />
        ))}
      </ul>
    </Panel>
  );
}

function OneImport({ of }: { of: Import }) {
  const csv = useMutation({
    mutationFn: () => rejectsCsv(of.id),
    onSuccess: (file) => save(file, `rejects-${of.name}.csv`),
    onError: sayProblem,
  });
  const done = of.finished_at !== null;
  const part = of.rows > 0 ? of.done / of.rows : done ? 1 : 0;
  return (
    <li className="flex flex-col gap-1.5 px-4 py-2.5">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span className="min-w-0 font-medium">{of.name}</span>
        <span className="flex items-center gap-2 text-xs text-soft">
          <Time at={of.created_at} relative />
          <Badge tone={done ? "good" : "accent"}>{done ? "done" : "at work"}</Badge>
        </span>
      </div>
      {!done && (
        <div
          role="progressbar"
          aria-label={`${of.name}, taken up`}
          aria-valuemin={0}
          aria-valuemax={of.rows}
          aria-valuenow={of.done}
          className="h-2 overflow-hidden rounded-full bg-sunk outline outline-line"
        >
          <div className="h-full bg-accent transition-[width]" style={{ width: `${part * 100}%` }} />
        </div>
      )}
      <div className="flex flex-wrap items-center justify-between gap-2 text-xs text-soft">
        <span className="tabular-nums">{told(of)}</span>
        {of.rejected > 0 && (
          <Button className="text-xs" disabled={csv.isPending} onClick={() => csv.mutate()}>
            <Download size={12} aria-hidden /> {count(of.rejected)} rejected, as CSV
          </Button>
        )}
      </div>
    </li>
  );
}

function told(of: Import): string {
  const kinds: [number, string][] = [
    [of.taken, "taken"],
    [of.known, "known before"],
    [of.duplicates, "duplicates"],
    [of.spam, "suspected spam"],
  ];
  const parts = kinds.filter(([many]) => many > 0).map(([many, name]) => `${count(many)} ${name}`);
  return [`${count(of.done)} of ${count(of.rows)} lines`, ...parts].join(" · ");
}

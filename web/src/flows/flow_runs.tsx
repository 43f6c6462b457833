import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, body } from "@/api/client";
import { dollars, Time } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { Empty } from "@/ui/panel";
import { Status } from "@/ui/status";

const SHOWN = 50;

/** The latest runs of a flow. */
export function FlowRuns({ name }: { name: string }) {
  const found = useQuery({
    queryKey: ["runs", "of", name],
    refetchInterval: 3_000,
    queryFn: () => body(api.GET("/v1/runs", { params: { query: { flow: [name], limit: SHOWN } } })),
  });
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <p className="text-soft">Loading…</p>;
  if (found.data.runs.length === 0) return <Empty title="It has not run yet." />;
  return (
    <div
      className="overflow-x-auto rounded-lg border bg-card"
      tabIndex={0}
      role="region"
      aria-label={`Runs of ${name}`}
    >
      <table className="w-full min-w-[30rem] text-left">
        <thead className="text-xs text-soft">
          <tr className="[&>th]:px-4 [&>th]:py-2">
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Accepted</th>
            <th scope="col" className="text-right">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {found.data.runs.map((run) => (
            <tr key={run.id} className="border-t hover:bg-sunk [&>td]:px-4 [&>td]:py-2">
              <td>
                <Link to="/runs/$runId" params={{ runId: run.id }} className="font-mono text-[13px] hover:underline">
                  {run.id.slice(-8)}
                </Link>
              </td>
              <td>
                <Status status={run.status} />
              </td>
              <td className="text-soft">
                <Time at={run.accepted_at} relative />
              </td>
              <td className="text-right tabular-nums">{dollars(run.cost_usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.data.next && <p className="border-t p-3 text-soft">These are the latest {SHOWN}.</p>}
    </div>
  );
}

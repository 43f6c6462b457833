import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, body, type Schemas } from "@/api/client";
import { dollars, Time } from "@/ui/amounts";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Status } from "@/ui/status";

const MOST = 20;

/** Chooses the run with which another of the same flow is compared. */
export function CompareDialog({ run, onClose }: { run: Schemas["RunDetail"]; onClose: () => void }) {
  const found = useQuery({
    queryKey: ["runs", "of flow", run.flow_name],
    queryFn: () => body(api.GET("/v1/runs", { params: { query: { flow: [run.flow_name], limit: MOST } } })),
  });
  const others = found.data?.runs.filter((other) => other.id !== run.id) ?? [];
  return (
    <Dialog open onClose={onClose} title={`Compare with another run of ${run.flow_name}`}>
      {found.isError && <Failure error={found.error} />}
      {found.isSuccess && others.length === 0 && <p className="text-soft">This flow has no other run yet.</p>}
      <ul className="flex flex-col">
        {others.map((other) => (
          <li key={other.id} className="border-b last:border-0">
            <Link
              to="/runs/$runId/compare/$otherId"
              params={{ runId: run.id, otherId: other.id }}
              className="flex flex-wrap items-center gap-3 px-1 py-2 hover:bg-sunk"
            >
              <span className="font-mono text-xs">{other.id.slice(-8)}</span>
              <Status status={other.status} />
              <span className="text-soft">
                <Time at={other.accepted_at} relative />
              </span>
              <span className="ml-auto tabular-nums">{dollars(other.cost_usd)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { count, Time } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { PageHead, Panel } from "@/ui/panel";
import { Badge, Status } from "@/ui/status";
import { Table } from "@/ui/table";
import { DeadLetters } from "./dead_letters";

type Fleet = Schemas["FleetShown"];
const STATUSES = ["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"] as const;
const PRIORITIES = ["0, first", "1", "2", "3, last"];

/** Who is at work, what waits, what agents do, and what nobody could take. */
export default function FleetPage() {
  const mayEvents = useMay("events:read");
  const mayFleet = useMay("fleet:read");
  const found = useQuery({
    queryKey: ["fleet"],
    refetchInterval: 2_000,
    enabled: mayFleet,
    queryFn: () => body(api.GET("/v1/fleet")),
  });
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4">
      <PageHead title="Fleet" />
      {mayFleet && found.isPending && <p className="text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <>
          <Runs fleet={found.data} />
          <Queue fleet={found.data} />
          <Workers fleet={found.data} />
          <Agents fleet={found.data} />
        </>
      )}
      {mayEvents && <DeadLetters />}
    </div>
  );
}

function Runs({ fleet }: { fleet: Fleet }) {
  const mayStart = useMay("runs:start");
  const shown = STATUSES.filter((status) => (fleet.runs[status] ?? 0) > 0);
  return (
    <Panel title="Runs" actions={<span className="text-xs text-soft">that go on, or ended of the last 24 hours’</span>}>
      {shown.length === 0 ? (
        <p className="text-soft">
          None.{" "}
          {mayStart && (
            <Link to="/" className="text-accent underline">
              Start one
            </Link>
          )}
        </p>
      ) : (
        <ul className="flex flex-wrap gap-x-6 gap-y-2">
          {shown.map((status) => (
            <li key={status} className="flex items-center gap-2">
              <span className="font-title text-2xl font-semibold tabular-nums">{count(fleet.runs[status] ?? 0)}</span>
              <Status status={status} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Queue({ fleet }: { fleet: Fleet }) {
  return (
    <Panel title="Waiting for a worker" flush>
      {fleet.queue.every((each) => each.depth === 0) ? (
        <p className="p-4 text-soft">No run waits for a worker.</p>
      ) : (
        <Table
          caption="The queue by priority"
          heads={["Priority", "Runs", "The oldest waits since"]}
          rows={fleet.queue.map((each) => ({
            key: String(each.priority),
            cells: [
              PRIORITIES[each.priority] ?? each.priority,
              count(each.depth),
              each.oldest_at ? <Time key="at" at={each.oldest_at} relative /> : "–",
            ],
          }))}
        />
      )}
    </Panel>
  );
}

function Workers({ fleet }: { fleet: Fleet }) {
  return (
    <Panel title="Workers" flush>
      {fleet.workers.length === 0 ? (
        <p className="p-4 text-bad">
          No worker is known: nothing is carried out. Whoever runs this server starts one with{" "}
          <code>stretto worker</code>.
        </p>
      ) : (
        <Table
          caption="Workers"
          heads={["Worker", "State", "Host", "Version", "Started", "Heard of", "Your runs"]}
          left={4}
          rows={fleet.workers.map((each) => ({
            key: String(each.id),
            cells: [
              `#${each.id}`,
              <Badge key="state" tone={each.alive ? "good" : "bad"}>
                {each.alive ? "alive" : "silent"}
              </Badge>,
              <span key="host" title={each.pid === null ? undefined : `process ${each.pid}`}>
                {each.host ?? "not known"}
              </span>,
              each.version ?? "–",
              each.started_at ? <Time key="since" at={each.started_at} relative /> : "–",
              <Time key="at" at={each.last_heartbeat} relative />,
              count(each.runs),
            ],
          }))}
        />
      )}
    </Panel>
  );
}

function Agents({ fleet }: { fleet: Fleet }) {
  return (
    <Panel
      title="Agents"
      flush
      actions={<span className="text-xs text-soft">answers of models: in the last hour</span>}
    >
      {!fleet.complete && <p className="px-4 pt-3 text-busy">Only the latest 100 running runs were looked at.</p>}
      {fleet.agents.length === 0 ? (
        <p className="p-4 text-soft">No agent is at work, nor was one in the last hour.</p>
      ) : (
        <Table
          caption="Agents by what they do"
          heads={["Agent", "At work", "Waiting", "Answered", "No answer"]}
          rows={fleet.agents.map((each) => ({
            key: each.agent,
            cells: [
              each.agent || <span className="text-soft">without a name</span>,
              each.at_work ? (
                <b key="work" className="text-accent">
                  {count(each.at_work)}
                </b>
              ) : (
                "0"
              ),
              count(each.waiting),
              count(each.done),
              each.failed ? (
                <b key="none" className="text-busy">
                  {count(each.failed)}
                </b>
              ) : (
                "0"
              ),
            ],
          }))}
        />
      )}
    </Panel>
  );
}

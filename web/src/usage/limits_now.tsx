import { useQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import { brief, count, duration } from "@/ui/amounts";
import { Meter } from "@/ui/meter";
import { Panel } from "@/ui/panel";
import { Badge, type Tone } from "@/ui/status";
import { Table } from "@/ui/table";

const KINDS: Record<Schemas["LimitShown"]["kind"], string> = {
  requests: "requests a minute",
  tokens: "tokens a minute",
  concurrency: "calls at once",
  bucket: "bucket",
};
const BREAKERS: Record<string, Tone> = { closed: "good", open: "bad" };

/** Limits of deployments and named buckets, as they stand over all processes. */
export function Buckets({ limits }: { limits: Schemas["LimitShown"][] }) {
  return (
    <Panel title="Limits and buckets" flush>
      {limits.length === 0 ? (
        <p className="p-4 text-soft">
          Nothing is limited. Set `limits` of deployments or `buckets` in stretto.yaml; they show here after the first
          call.
        </p>
      ) : (
        <Table
          caption="Limits and buckets"
          left={2}
          heads={["Name", "Of", "Left", "", "Most", "Comes back a minute", "Waiting", "Longest wait"]}
          rows={limits.map((each) => ({
            key: `${each.kind} ${each.name}`,
            cells: [
              each.name,
              KINDS[each.kind],
              each.capacity === null ? "–" : brief(each.level),
              each.capacity === null ? (
                each.closed_s > 0 && (
                  <Badge key="closed" tone="bad" title="The provider asked for a pause">
                    closed for {duration(each.closed_s * 1000)}
                  </Badge>
                )
              ) : (
                <Meter key="meter" label={`Left of ${KINDS[each.kind]}`} left={each.level} of={each.capacity} />
              ),
              each.capacity === null ? "–" : brief(each.capacity),
              each.refill_per_minute === null ? "–" : brief(each.refill_per_minute),
              count(each.waiting),
              each.longest_wait_s > 0 ? duration(each.longest_wait_s * 1000) : "–",
            ],
          }))}
        />
      )}
    </Panel>
  );
}

/** How many requests and runs there may be; nothing where nothing is limited. */
export function Quotas() {
  const { data } = useQuery({
    queryKey: ["quotas"],
    refetchInterval: 5_000,
    queryFn: () => body(api.GET("/v1/quotas")),
  });
  if (!data || data.requests.length + data.runs.length === 0) return null;
  const rows = [
    ...data.requests.map((each) => ({
      name: each.name,
      what: `requests in ${duration(each.window_s * 1000)}, of ${each.of === "key" ? "your key" : "the tenant"}`,
      left: each.left,
      most: each.most,
    })),
    ...data.runs.map((each) => ({
      name: each.kind.replaceAll("_", " "),
      what: each.kind === "runs_per_day" ? "runs started today (UTC)" : "runs unfinished now",
      left: Math.max(0, each.most - each.used),
      most: each.most,
    })),
  ];
  return (
    <Panel title="Quotas" flush>
      <Table
        caption="Quotas"
        left={2}
        heads={["Quota", "Of", "Left", "", "Most"]}
        rows={rows.map((each) => ({
          key: each.name,
          cells: [
            each.name,
            each.what,
            count(each.left),
            <Meter key="meter" label={`Left of ${each.name}`} left={each.left} of={each.most} />,
            count(each.most),
          ],
        }))}
      />
    </Panel>
  );
}

/** How deployments are doing, as the server sees it that answered. */
export function Health({ deployments }: { deployments: Schemas["DeploymentShown"][] }) {
  return (
    <Panel
      title="Deployments"
      flush
      actions={<span className="text-xs text-soft">as seen by the process that answers</span>}
    >
      {deployments.length === 0 ? (
        <p className="p-4 text-soft">This process has called none since it started.</p>
      ) : (
        <Table
          caption="How deployments are doing"
          left={2}
          heads={[
            "Deployment",
            "State",
            "Calls",
            "Failures",
            "Error rate",
            "First token",
            "19 of 20 within",
            "Last error",
          ]}
          rows={deployments.map((each) => ({
            key: each.deployment,
            cells: [
              each.deployment,
              <State key="state" deployment={each} />,
              count(each.calls),
              count(each.failures),
              `${Math.round(each.error_rate * 100)} %`,
              each.ttft_s === null ? "–" : duration(each.ttft_s * 1000),
              each.ttft_p95_s === null ? "–" : duration(each.ttft_p95_s * 1000),
              each.last_error ? (
                <span
                  key="error"
                  className="inline-block max-w-64 truncate align-bottom text-bad"
                  title={each.last_error}
                >
                  {each.last_error}
                </span>
              ) : (
                "–"
              ),
            ],
          }))}
        />
      )}
    </Panel>
  );
}

function State({ deployment: { state, rests_s } }: { deployment: Schemas["DeploymentShown"] }) {
  const told = state === "closed" ? "answers" : state === "open" ? `rests ${duration(rests_s * 1000)}` : "is tried";
  return (
    <Badge tone={BREAKERS[state] ?? "busy"} title={`Its breaker is ${state.replaceAll("_", " ")}`}>
      {told}
    </Badge>
  );
}

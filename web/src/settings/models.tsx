import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { deploymentsQuery } from "@/shell/deployments";
import { useMay } from "@/shell/me";
import { brief, dollars, duration } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { Table } from "@/ui/table";

type Deployment = Schemas["DeploymentListed"];

/** Who answers model calls: routes and deployments, each to be tried with a click. */
export function Models() {
  const { data, error, isPending, refetch } = useQuery(deploymentsQuery);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (isPending) return <p className="text-soft">Loading…</p>;
  return (
    <>
      <p>
        Model calls go to: {data.answers.replace(/^answers: /, "")}.{" "}
        {data.kind === "simulated" && (
          <b className="text-busy">
            No model is at work: texts are made up. Name a provider in stretto.yaml, or set its key or start Ollama and
            start anew.
          </b>
        )}
      </p>
      <Deployments listed={data.deployments} />
      <Panel title="Routes" flush>
        {data.routes.length === 0 ? (
          <p className="p-4 text-soft">There is none; flows name deployments.</p>
        ) : (
          <Table
            caption="Routes"
            left={2}
            heads={["Route", "Asked, one tier after the other"]}
            rows={data.routes.map((each) => ({
              key: each.name,
              cells: [each.name, each.tiers.map((tier) => tier.join(", ")).join(" → ")],
            }))}
          />
        )}
        <p className="border-t px-4 py-3 text-xs text-soft">
          Both stand in stretto.yaml, which is read again as soon as it changes.
        </p>
      </Panel>
    </>
  );
}

function Deployments({ listed }: { listed: Deployment[] }) {
  const may = useMay("models:call");
  return (
    <Panel
      title="Deployments"
      flush
      actions={
        may && <span className="text-xs text-soft">a test is a small call, counted and paid like any other</span>
      }
    >
      {listed.length === 0 ? (
        <Empty title="There is no deployment.">Name one in stretto.yaml.</Empty>
      ) : (
        <Table
          caption="Deployments"
          left={5}
          heads={["Deployment", "Model", "", "State", "Can", "$/M in", "$/M out", "Context"]}
          rows={listed.map((each) => ({
            key: each.name,
            cells: [
              <span key="name">
                {each.name}
                <span className="block text-xs font-normal text-soft">{each.routes.join(", ")}</span>
              </span>,
              <span key="model">
                {each.model}
                <span className="block text-xs text-soft">{each.simulated ? "simulated" : each.provider}</span>
              </span>,
              may && <Try key="try" name={each.name} />,
              <Badge
                key="state"
                tone={each.state === "closed" ? "good" : "bad"}
                {...(each.last_error ? { title: each.last_error } : {})}
              >
                {each.state === "closed" ? "answers" : "rests"}
              </Badge>,
              [each.tools && "tools", each.vision && "pictures"].filter(Boolean).join(", ") || "text",
              each.price ? dollars(each.price.input_usd) : "–",
              each.price ? dollars(each.price.output_usd) : "–",
              each.context_tokens === null ? "–" : brief(each.context_tokens),
            ],
          }))}
        />
      )}
    </Panel>
  );
}

/** A button for one small call, and how it went. */
function Try({ name }: { name: string }) {
  const queries = useQueryClient();
  const [went, setWent] = useState<Schemas["Tried"] | "busy" | null>(null);
  const go = async () => {
    setWent("busy");
    try {
      setWent(await body(api.POST("/v1/deployments/{name}/test", { params: { path: { name } } })));
    } catch (thrown) {
      const problem = asProblem(thrown);
      setWent({ ok: false, took_s: 0, ttft_s: null, text: "", error: problem.detail || problem.title });
    }
    void queries.invalidateQueries({ queryKey: ["deployments"] });
  };
  return (
    <div className="flex flex-col items-start gap-1">
      <Button disabled={went === "busy"} aria-label={`Test ${name}`} onClick={() => void go()}>
        {went === "busy" ? "Asking…" : "Test"}
      </Button>
      <div aria-live="polite" className="max-w-72 min-w-36 text-xs empty:hidden">
        {went !== null && went !== "busy" && <Went went={went} />}
      </div>
    </div>
  );
}

function Went({ went }: { went: Schemas["Tried"] }) {
  if (!went.ok) return <p className="text-bad">{went.error}</p>;
  const first = went.ttft_s === null ? "" : `, the first token after ${duration(went.ttft_s * 1000)}`;
  return (
    <>
      <p className="text-good">
        {duration(went.took_s * 1000)}
        {first}
      </p>
      <p className="text-soft">{went.text}</p>
    </>
  );
}

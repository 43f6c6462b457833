import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { useMay } from "@/shell/me";
import { count, dollars } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Field } from "@/ui/field";
import { Panel } from "@/ui/panel";
import { inputOf } from "./documents";
import { focusFirstMisfit, InputForm, useInput } from "./input_form";
import { PrioritySelect } from "./priority";

/** Starts a run of a flow's latest version: its input, its priority, what it may cost. */
export function StartPanel({ name, document }: { name: string; document: Record<string, unknown> }) {
  const navigate = useNavigate();
  const [priority, setPriority] = useState<number | null>(null);
  const start = useMutation({
    mutationFn: (input: Record<string, unknown>) =>
      body(api.POST("/v1/runs", { body: { flow: name, input, ...(priority === null ? {} : { priority }) } })),
    onSuccess: (run) => void navigate({ to: "/runs/$runId", params: { runId: run.id } }),
  });
  const input = useInput(inputOf(document), undefined, start.error);
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    input.showAll();
    if (input.fits) start.mutate(input.value);
    else focusFirstMisfit(event.currentTarget);
  };
  const placed = start.isError && asProblem(start.error).errors.length > 0;
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(16rem,1fr)]">
      <Panel title="Input">
        <form onSubmit={send} noValidate className="flex flex-col gap-4">
          <InputForm state={input} />
          <Field label="Priority" hint="When there is not enough for all, the first are served first.">
            {(about) => <PrioritySelect about={about} value={priority} onChange={setPriority} inherits />}
          </Field>
          {start.isError && !placed && <Failure error={start.error} />}
          {placed && (
            <p role="alert" className="text-bad">
              The server did not take this input. What is wrong stands at the fields.
            </p>
          )}
          <div>
            <Button type="submit" look="main" disabled={start.isPending}>
              <Play size={15} aria-hidden /> {start.isPending ? "Starting…" : "Start"}
            </Button>
          </div>
        </form>
      </Panel>
      <Estimate name={name} />
    </div>
  );
}

/** What a run may cost, by those that were. */
function Estimate({ name }: { name: string }) {
  const may = useMay("usage:read");
  const found = useQuery({
    queryKey: ["estimate", name],
    enabled: may,
    queryFn: () => body(api.GET("/v1/usage/estimate", { params: { query: { flow: name } } })),
  });
  if (!may) return null;
  return (
    <Panel title="What it may cost">
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && <EstimateFigures estimate={found.data} />}
    </Panel>
  );
}

function EstimateFigures({ estimate }: { estimate: Schemas["EstimateItem"] }) {
  const rows: [string, Schemas["SpreadItem"] | null, (amount: string) => string][] = [
    ["Cost", estimate.cost_usd, dollars],
    ["Tokens read", estimate.input_tokens, (amount) => count(Math.round(Number(amount)))],
    ["Tokens written", estimate.output_tokens, (amount) => count(Math.round(Number(amount)))],
    ["Model calls", estimate.calls, (amount) => count(Math.round(Number(amount)))],
  ];
  const known = rows.filter(([, spread]) => spread !== null);
  return (
    <div className="flex flex-col gap-3">
      {known.length > 0 && (
        <table className="w-full tabular-nums">
          <thead className="text-left text-xs text-soft">
            <tr>
              <th scope="col">
                <span className="sr-only">Figure</span>
              </th>
              <th scope="col" className="text-right font-semibold">
                half stay under
              </th>
              <th scope="col" className="text-right font-semibold">
                nine of ten under
              </th>
            </tr>
          </thead>
          <tbody>
            {known.map(([label, spread, show]) => (
              <tr key={label} className="border-t">
                <th scope="row" className="py-1 text-left font-normal">
                  {label}
                </th>
                <td className="text-right">{spread && show(spread.p50)}</td>
                <td className="text-right">{spread && show(spread.p90)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="text-xs text-soft">{estimate.how}</p>
      {estimate.simulated && (
        <p className="text-xs text-busy">The simulated provider answered; a real model costs more.</p>
      )}
    </div>
  );
}

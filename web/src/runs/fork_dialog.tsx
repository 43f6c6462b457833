import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import type { ScoreStore } from "@/score/store";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Select, Textarea } from "@/ui/field";

interface Props {
  run: Schemas["RunDetail"];
  store: ScoreStore;
  step: string | null;
  onClose: () => void;
}

/** Starts a run that keeps what does not depend on a step, with another input or another output of that step. */
export function ForkDialog({ run, store, step, onClose }: Props) {
  const paths = [...store.score.entries.keys()];
  const [from, setFrom] = useState(step ?? paths[0] ?? "");
  const [changed, setChanged] = useState<"nothing" | "output" | "input">("nothing");
  const [text, setText] = useState<string | null>(null);
  const navigate = useNavigate();
  const detail = useQuery({
    queryKey: ["step", run.id, from, "fork"],
    enabled: changed === "output" && from !== "",
    queryFn: () =>
      body(api.GET("/v1/runs/{run_id}/steps/{step}", { params: { path: { run_id: run.id, step: from } } })),
  });
  const entry = store.score.entries.get(from);
  const before =
    changed === "input"
      ? JSON.stringify(run.input, null, 2)
      : detail.data?.is_text
        ? (entry?.live.standing ?? "")
        : JSON.stringify(detail.data?.output ?? null, null, 2);
  const value = text ?? before;
  const isText = changed === "output" && detail.data?.is_text === true;
  // Until the step's output is here, there is nothing to change: what is typed before would stand beside it.
  const loading = changed === "output" && detail.data === undefined;
  const problem = changed === "nothing" || isText || loading ? null : jsonProblem(value);
  const fork = useMutation({
    mutationFn: () =>
      body(
        api.POST("/v1/runs/{run_id}/fork", {
          params: { path: { run_id: run.id } },
          body: {
            step: from,
            input: changed === "input" ? JSON.parse(value) : {},
            outputs: changed === "output" ? { [from]: isText ? value : JSON.parse(value) } : {},
          },
        }),
      ),
    onSuccess: (made) => {
      onClose();
      void navigate({ to: "/runs/$runId", params: { runId: made.id } });
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    fork.mutate();
  };
  return (
    <Dialog open onClose={onClose} title="Fork the run" wide>
      <form onSubmit={send} className="flex flex-col gap-3">
        <Field label="From the step" hint="What does not depend on it is kept and not paid for again.">
          {(props) => (
            <Select
              {...props}
              value={from}
              onChange={(event) => {
                setFrom(event.target.value);
                setText(null);
              }}
            >
              {paths.map((path) => (
                <option key={path}>{path}</option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="What changes">
          {(props) => (
            <Select
              {...props}
              value={changed}
              onChange={(event) => {
                setChanged(event.target.value as typeof changed);
                setText(null);
              }}
            >
              <option value="nothing">nothing: the step works once more</option>
              <option value="output">its output</option>
              <option value="input">the run's input</option>
            </Select>
          )}
        </Field>
        {changed !== "nothing" && (
          <Field
            label={changed === "input" ? "Input" : `Output of ${from}`}
            error={problem}
            hint={loading ? "It is being read…" : isText ? "Text" : "JSON"}
          >
            {(props) => (
              <Textarea
                {...props}
                rows={14}
                disabled={loading}
                value={loading ? "" : value}
                onChange={(event) => setText(event.target.value)}
              />
            )}
          </Field>
        )}
        {detail.isError && <Failure error={detail.error} retry={() => void detail.refetch()} />}
        {fork.isError && <Failure error={fork.error} />}
        <Button type="submit" look="main" disabled={fork.isPending || loading || problem !== null || from === ""}>
          Fork
        </Button>
      </form>
    </Dialog>
  );
}

function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (thrown) {
    return `This is no JSON: ${(thrown as Error).message}`;
  }
}

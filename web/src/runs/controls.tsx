import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import type { RunStatus } from "@/stream/run_score";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select, Textarea } from "@/ui/field";
import { sayProblem } from "@/ui/toasts";

type Command = Schemas["Pause"] | Schemas["Resume"] | Schemas["Cancel"] | Schemas["Retry"] | Schemas["Inject"];

interface Props {
  runId: string;
  status: RunStatus;
  /** The step that is looked at. */
  step: string | null;
  /** Whether that step has failed. */
  stepFailed: boolean;
  onFork: () => void;
  onCompare: () => void;
}

/** What can be done with a run now. */
export function Controls({ runId, status, step, stepFailed, onFork, onCompare }: Props) {
  const may = useMay("runs:control");
  const mayStart = useMay("runs:start");
  const [asked, setAsked] = useState<"cancel" | "inject" | null>(null);
  const queries = useQueryClient();
  const tell = useMutation({
    mutationFn: (command: Command) =>
      api.POST("/v1/runs/{run_id}/control", { params: { path: { run_id: runId } }, body: command }),
    onError: sayProblem,
    onSuccess: () => {
      setAsked(null);
      void queries.invalidateQueries({ queryKey: ["run", runId] });
    },
  });
  const goesOn = status === "accepted" || status === "running" || status === "waiting";
  const ended = status === "failed" || status === "cancelled";
  return (
    <>
      {may && goesOn && <Button onClick={() => tell.mutate({ command: "pause" })}>Pause</Button>}
      {may && (status === "paused" || ended) && (
        <Button onClick={() => tell.mutate({ command: "resume" })}>Resume</Button>
      )}
      {may && status === "failed" && (
        <Button onClick={() => tell.mutate({ command: "retry", step: null })}>Retry</Button>
      )}
      {may && step !== null && stepFailed && (
        <Button onClick={() => tell.mutate({ command: "retry", step })}>Retry this step</Button>
      )}
      {may && (goesOn || status === "paused") && <Button onClick={() => setAsked("inject")}>Inject…</Button>}
      {mayStart && <Button onClick={onFork}>Fork…</Button>}
      <Button onClick={onCompare}>Compare…</Button>
      {may && (goesOn || status === "paused") && (
        <Button look="danger" onClick={() => setAsked("cancel")}>
          Cancel…
        </Button>
      )}
      <CancelDialog
        open={asked === "cancel"}
        busy={tell.isPending}
        onClose={() => setAsked(null)}
        onCancel={(reason) => tell.mutate({ command: "cancel", reason })}
      />
      <InjectDialog
        open={asked === "inject"}
        step={step}
        busy={tell.isPending}
        onClose={() => setAsked(null)}
        onInject={(injection) => tell.mutate({ command: "inject", ...injection })}
      />
    </>
  );
}

function CancelDialog({
  open,
  busy,
  onClose,
  onCancel,
}: {
  open: boolean;
  busy: boolean;
  onClose: () => void;
  onCancel: (reason: string) => void;
}) {
  const [reason, setReason] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    onCancel(reason);
  };
  return (
    <Dialog open={open} onClose={onClose} title="Cancel the run">
      <form onSubmit={send} className="flex flex-col gap-3">
        <p>The run ends; what was shown stays. It can be resumed later.</p>
        <Field label="Reason" hint="It is kept as a fact.">
          {(props) => <Input {...props} value={reason} onChange={(event) => setReason(event.target.value)} />}
        </Field>
        <Button type="submit" look="danger" disabled={busy}>
          Cancel the run
        </Button>
      </form>
    </Dialog>
  );
}

interface Injection {
  step: string;
  text: string;
  mode: "next" | "now";
}

function InjectDialog({
  open,
  step,
  busy,
  onClose,
  onInject,
}: {
  open: boolean;
  step: string | null;
  busy: boolean;
  onClose: () => void;
  onInject: (injection: Injection) => void;
}) {
  const [path, setPath] = useState<string | null>(null);
  const [text, setText] = useState("");
  const [mode, setMode] = useState<Injection["mode"]>("next");
  const target = path ?? step ?? "";
  const send = (event: FormEvent) => {
    event.preventDefault();
    onInject({ step: target, text, mode });
  };
  return (
    <Dialog open={open} onClose={onClose} title="Give a step feedback">
      <form onSubmit={send} className="flex flex-col gap-3">
        <Field label="Step" hint="Its path, such as build[2].code; the one chosen in the score stands here.">
          {(props) => <Input {...props} required value={target} onChange={(event) => setPath(event.target.value)} />}
        </Field>
        <Field label="Feedback">
          {(props) => <Textarea {...props} required value={text} onChange={(event) => setText(event.target.value)} />}
        </Field>
        <Field
          label="When"
          hint={
            mode === "now"
              ? "What it writes now is cut off, taken back, and begun again with this."
              : "It hears this at its next turn or attempt."
          }
        >
          {(props) => (
            <Select {...props} value={mode} onChange={(event) => setMode(event.target.value as Injection["mode"])}>
              <option value="next">at its next turn</option>
              <option value="now">now</option>
            </Select>
          )}
        </Field>
        <Button type="submit" look="main" disabled={busy}>
          Send
        </Button>
      </form>
    </Dialog>
  );
}

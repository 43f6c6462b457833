import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { dollars, Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Textarea } from "@/ui/field";

const MOST = 10;
const MOST_CHARS = 20_000;

/** Finds past runs by what is to be done. */
export default function RecallDialog({ onClose }: { onClose: () => void }) {
  const [task, setTask] = useState("");
  const recall = useMutation({
    mutationFn: (wanted: string) => body(api.POST("/v1/runs/recall", { body: { task: wanted, limit: MOST } })),
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    recall.mutate(task.trim());
  };
  return (
    <Dialog open onClose={onClose} title="Runs that did something like this" wide>
      <form onSubmit={send} className="flex flex-col gap-3">
        <Field
          label="What is to be done?"
          hint="In words. Runs are remembered by what their flow says with “remember”."
        >
          {(props) => (
            <Textarea
              {...props}
              rows={3}
              maxLength={MOST_CHARS}
              value={task}
              onChange={(event) => setTask(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" look="main" className="self-start" disabled={task.trim() === "" || recall.isPending}>
          Find
        </Button>
      </form>
      <div role="status" className="mt-4 flex flex-col gap-2">
        {recall.isPending && <p className="text-soft">Looking…</p>}
        {recall.isError && <Failure error={recall.error} />}
        {recall.data?.notes.map((note) => (
          <p key={note} className="text-soft">
            {note}
          </p>
        ))}
        {recall.data?.episodes.length === 0 && <p>No completed run did something like this.</p>}
        {recall.data && recall.data.episodes.length > 0 && (
          <ul className="flex flex-col">
            {recall.data.episodes.map((episode) => (
              <Recalled key={episode.run.id} episode={episode} />
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  );
}

function Recalled({ episode }: { episode: Schemas["EpisodeShown"] }) {
  const { run, task, similarity } = episode;
  return (
    <li className="border-b last:border-0">
      <Link to="/runs/$runId" params={{ runId: run.id }} className="flex flex-col gap-1 px-1 py-2 hover:bg-sunk">
        <span className="line-clamp-2 wrap-anywhere">{task}</span>
        <span className="flex flex-wrap gap-x-3 text-soft text-xs">
          <span>{run.flow_name}</span>
          <Time at={run.updated_at} relative />
          <span className="tabular-nums">{dollars(run.cost_usd)}</span>
          <span
            className="tabular-nums"
            title="The cosine between what this run was about and what is to be done, from −1 to 1."
          >
            {similarity === null ? "found by its words alone" : `similarity ${similarity.toFixed(2)}`}
          </span>
        </span>
      </Link>
    </li>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, body } from "@/api/client";
import { useMay } from "@/shell/me";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Textarea } from "@/ui/field";
import { laterTimes } from "./clocks";
import type { Left, Review } from "./data";
import { focusFirst } from "./focus";
import { keyName, SHORTCUTS } from "./keys";

/** The keys of the inbox. */
export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Keys">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
        {SHORTCUTS.map((each) => (
          <div key={each.command} className="contents">
            <dt className="flex gap-1">
              {each.keys.map((key) => (
                <kbd key={key} className="rounded border bg-sunk px-1.5 font-mono text-xs leading-5">
                  {keyName(key)}
                </kbd>
              ))}
            </dt>
            <dd>{each.told}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-3 text-soft">
        Keys do nothing while you write. A decision is held back for five seconds, so that it can be taken back; leaving
        the page sends it.
      </p>
    </Dialog>
  );
}

/** Until when a review is put off. */
export function SnoozeDialog({
  review,
  onClose,
  onChoose,
}: {
  review: Review | null;
  onClose: () => void;
  onChoose: (until: Date) => void;
}) {
  const [own, setOwn] = useState("");
  const at = own ? new Date(own) : null;
  return (
    <Dialog open={review !== null} onClose={onClose} title="Put it off">
      <div className="flex flex-col gap-2">
        {laterTimes(new Date()).map((each, index) => (
          <Button key={each.told} ref={index === 0 ? focusFirst : null} onClick={() => onChoose(each.at)}>
            {each.told}
            <span className="ml-auto text-xs text-soft">
              {each.at.toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" })}
            </span>
          </Button>
        ))}
        <form
          className="mt-2 flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (at) onChoose(at);
          }}
        >
          <Field label="Until" hint="At most 30 days from now.">
            {(props) => (
              <Input {...props} type="datetime-local" value={own} onChange={(event) => setOwn(event.target.value)} />
            )}
          </Field>
          <Button type="submit" look="main" className="mb-5" disabled={!at}>
            Put off
          </Button>
        </form>
        {review?.due_at && <p className="text-soft">Its deadline stays: time may decide it before.</p>}
      </div>
    </Dialog>
  );
}

const ROLES = ["reviewer", "operator", "admin", "owner"];

/** To whom a review is given. */
export function AssignDialog({
  review,
  me,
  onClose,
  onChoose,
}: {
  review: Review | null;
  me: string;
  onClose: () => void;
  onChoose: (assignee: string | null) => void;
}) {
  const [who, setWho] = useState("");
  const mayList = useMay("members:read");
  const members = useQuery({
    queryKey: ["members", "names"],
    enabled: mayList && review !== null,
    staleTime: 60_000,
    queryFn: () => body(api.GET("/v1/members", { params: { query: { limit: 200 } } })),
  });
  return (
    <Dialog open={review !== null} onClose={onClose} title="Give it to somebody">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (who.trim()) onChoose(who.trim());
        }}
      >
        <p className="text-soft">
          {review?.assignee ? `It is ${review.assignee}’s.` : "It is nobody’s."} Others may decide it all the same.
        </p>
        <Field label="To whom" hint="An address, or a role such as `role admin`.">
          {(props) => (
            <Input
              {...props}
              list="assignees"
              ref={focusFirst}
              value={who}
              maxLength={200}
              onChange={(event) => setWho(event.target.value)}
            />
          )}
        </Field>
        <datalist id="assignees">
          {members.data?.members.map((member) => (
            <option key={member.id} value={member.email} />
          ))}
          {ROLES.map((role) => (
            <option key={role} value={`role ${role}`} />
          ))}
        </datalist>
        <div className="flex flex-wrap gap-2">
          <Button type="submit" look="main" disabled={!who.trim()}>
            Give
          </Button>
          <Button onClick={() => onChoose(me)}>To me</Button>
          {review?.assignee && <Button onClick={() => onChoose(null)}>To nobody</Button>}
        </div>
      </form>
    </Dialog>
  );
}

/** Why many are rejected. */
export function RejectManyDialog({
  many,
  onClose,
  onReject,
}: {
  many: number;
  onClose: () => void;
  onReject: (comments: string) => void;
}) {
  const [comments, setComments] = useState("");
  return (
    <Dialog open={many > 0} onClose={onClose} title={many === 1 ? "Reject one" : `Reject ${many}`}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          onReject(comments);
        }}
      >
        <Field label="Why not?" hint="Their flows read it.">
          {(props) => (
            <Textarea
              {...props}
              ref={focusFirst}
              maxLength={20_000}
              value={comments}
              onChange={(event) => setComments(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" look="danger" className="self-start">
          Reject
        </Button>
      </form>
    </Dialog>
  );
}

/** What a bulk decision left as it was. */
export function LeftBehind({
  left,
  reviews,
  onOpen,
  onClose,
}: {
  left: readonly Left[];
  reviews: readonly Review[];
  onOpen: (id: string) => void;
  onClose: () => void;
}) {
  if (left.length === 0) return null;
  return (
    <section role="status" aria-label="Left as they are" className="max-h-48 overflow-auto border-b bg-note px-4 py-2">
      <div className="flex items-center justify-between gap-2">
        <p className="font-semibold">
          {left.length === 1 ? "One was left as it is" : `${left.length} were left as they are`}
        </p>
        <Button look="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      <ul>
        {left.map((each) => {
          const review = reviews.find((one) => one.id === each.id);
          return (
            <li key={each.id} className="flex gap-3">
              <button
                type="button"
                className="min-w-24 flex-1 truncate text-left text-accent underline"
                onClick={() => onOpen(each.id)}
              >
                {review ? review.excerpt.slice(0, 80) || review.step : each.id.slice(-8)}
              </button>
              <span className="flex-1">{each.reason}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

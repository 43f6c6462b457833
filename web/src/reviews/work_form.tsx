import { clsx } from "clsx";
import { useDeferredValue, useEffect, useRef } from "react";
import { Button } from "@/ui/button";
import { Field, Input, Textarea } from "@/ui/field";
import { editable, edited } from "./content";
import type { Detail } from "./data";
import type { Work } from "./decisions";
import { WordDiff } from "./word_diff";

const TITLES = { edit: "Edit and approve", reject: "Reject", changes: "Ask for changes" };

interface Props {
  review: Detail;
  work: Work;
  onChange: (work: Work) => void;
  onDone: () => void;
  onCancel: () => void;
}

/** What is being written about a review: an edit beside its diff, a reason, or what should be changed. */
export function WorkForm(props: Props) {
  const { review, work, onDone, onCancel } = props;
  const wrong = wrongWith(review, work);
  const first = useRef<HTMLFormElement>(null);
  useEffect(() => first.current?.querySelector<HTMLElement>("textarea")?.focus(), []);
  return (
    <form
      ref={first}
      aria-label={TITLES[work.mode]}
      className="flex flex-col gap-3 rounded-lg border border-accent/50 bg-sunk p-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) onDone();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onCancel();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !wrong) onDone();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {work.mode === "edit" ? <Editor {...props} /> : <Reason {...props} />}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" look={work.mode === "reject" ? "danger" : "main"} disabled={wrong !== null}>
          {TITLES[work.mode]}
        </Button>
        <Button look="quiet" onClick={onCancel}>
          Cancel
        </Button>
        <span className="text-xs text-soft">Ctrl+Enter, Esc</span>
        {work.mode === "edit" && wrong && (
          <span role="alert" className="text-bad">
            {wrong}
          </span>
        )}
      </div>
    </form>
  );
}

function Editor({ review, work, onChange }: Props) {
  const text = useDeferredValue(work.text);
  const json = typeof review.content !== "string";
  return (
    <>
      <div className="grid gap-3 xl:grid-cols-2">
        <div className="flex flex-col gap-1">
          <label htmlFor="edited" className="text-xs text-soft">
            {json ? "What goes on, as JSON" : "What goes on"}
          </label>
          <Textarea
            id="edited"
            className={clsx("field-sizing-content max-h-[45dvh] min-h-56 flex-1", !json && "font-sans text-sm")}
            value={work.text}
            spellCheck={!json}
            onChange={(event) => onChange({ ...work, text: event.target.value })}
          />
        </div>
        <WordDiff before={editable(review.content)} after={text} label="What was changed" />
      </div>
      <Field label="Comments" hint="Why, if that is worth a word. The flow and the history keep it.">
        {(props) => (
          <Input
            {...props}
            value={work.comments}
            maxLength={20_000}
            onChange={(event) => onChange({ ...work, comments: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

function Reason({ review, work, onChange }: Props) {
  const reject = work.mode === "reject";
  return (
    <Field
      label={reject ? "Why not?" : "What should be changed?"}
      hint={review.next[work.mode] ?? "The flow reads it."}
    >
      {(props) => (
        <Textarea
          {...props}
          className="field-sizing-content max-h-[40dvh]"
          value={work.comments}
          maxLength={20_000}
          onChange={(event) => onChange({ ...work, comments: event.target.value })}
        />
      )}
    </Field>
  );
}

/** What stands in the way of sending this; null: nothing. */
function wrongWith(review: Detail, work: Work): string | null {
  if (work.mode === "changes") return work.comments.trim() ? null : "Say what should be changed.";
  if (work.mode === "reject") return null;
  const made = edited(review.content, work.text);
  return "wrong" in made ? made.wrong : null;
}

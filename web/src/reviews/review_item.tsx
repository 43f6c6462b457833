import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { ArrowLeft } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { hiddenIn, writtenOut } from "@/ui/hidden_characters";
import { Json } from "@/ui/json";
import { Status } from "@/ui/status";
import { holder } from "./clocks";
import { editable, mediaOf } from "./content";
import { type Detail, itemQuery } from "./data";
import type { Work } from "./decisions";
import { History } from "./history";
import { Deadline, Marks, nameOf } from "./marks";
import { MediaList } from "./media";
import { useNow } from "./now";
import { over } from "./review_list";
import { Why } from "./why";
import { WordDiff } from "./word_diff";
import { WorkForm } from "./work_form";

interface Props {
  id: string;
  me: string;
  work: Work | null;
  onWork: (work: Work) => void;
  onWritten: (review: Detail) => void;
  onCancel: () => void;
  onBack: () => void;
  bar: (review: Detail) => ReactNode;
}

/** One review with all that a person needs, and below it what can be decided. */
export function ReviewItem(props: Props) {
  const found = useQuery(itemQuery(props.id));
  if (found.isError && !found.data) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <p className="p-4 text-soft">Loading…</p>;
  return <Shown {...props} review={found.data} />;
}

function Shown({ review, me, work, onWork, onWritten, onCancel, onBack, bar }: Props & { review: Detail }) {
  const media = useMemo(
    () => mediaOf(review.media, review.content, window.location.origin),
    [review.media, review.content],
  );
  return (
    <article
      id="review"
      tabIndex={-1}
      aria-label={review.question || review.step}
      className="flex min-h-full flex-col outline-none"
    >
      <header className="flex flex-col gap-1.5 border-b px-4 py-3">
        <div className="flex items-start gap-2">
          <Button look="quiet" square className="-ml-2 lg:hidden" aria-label="Back to the list" onClick={onBack}>
            <ArrowLeft size={16} aria-hidden />
          </Button>
          <h2 className="min-w-0 flex-1 pt-1 text-lg">{review.question || "Shall this go on?"}</h2>
        </div>
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <Marks review={review} me={me} />
          <Deadline review={review} />
          <Link to="/runs/$runId" params={{ runId: review.run_id }} className="text-accent underline">
            {review.flow} {review.run_id.slice(-8)}
          </Link>
          <span className="text-soft">
            {review.step}, <Time at={review.created_at} relative />
          </span>
        </div>
      </header>
      <div className="flex flex-1 flex-col gap-5 p-4">
        <Standing review={review} me={me} />
        {work && (
          <WorkForm
            key={`${work.id} ${work.mode}`}
            review={review}
            work={work}
            onChange={onWork}
            onDone={() => onWritten(review)}
            onCancel={onCancel}
          />
        )}
        {work?.mode !== "edit" && (
          <section aria-label="Content">
            <Content value={review.content} />
          </section>
        )}
        <Proposed review={review} />
        {media.length > 0 && (
          <Part title="Pictures, videos, sounds">
            <MediaList media={media} />
          </Part>
        )}
        <Part title="Why it came">
          <Why review={review} />
        </Part>
        {review.state === "open" && (
          <Part title="What happens then">
            <Then review={review} />
          </Part>
        )}
        <Part title="What happened">
          <History review={review} />
        </Part>
      </div>
      {review.state === "open" && (
        <div className={clsx("sticky bottom-0 z-10", work && "max-lg:hidden")}>{bar(review)}</div>
      )}
    </article>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-1.5">
      <h3 className="text-xs font-semibold tracking-wide text-soft uppercase">{title}</h3>
      {children}
    </section>
  );
}

function Content({ value }: { value: unknown }) {
  const text = editable(value);
  const hidden = useMemo(() => hiddenIn(text), [text]);
  const [asItLooks, setAsItLooks] = useState(false);
  const shown = hidden.length > 0 && !asItLooks ? writtenOut(text) : text;
  return (
    <div className="flex flex-col gap-2">
      {hidden.length > 0 && (
        <div role="note" className="flex flex-wrap items-center gap-2 rounded-md bg-note px-3 py-2">
          <span>
            It holds characters that are not seen: {hidden.map(({ told, many }) => `${many} ${told}`).join(", ")}.
          </span>
          <Button onClick={() => setAsItLooks(!asItLooks)}>
            {asItLooks ? "Write them out" : "Show it as it looks"}
          </Button>
        </div>
      )}
      {typeof value === "string" ? (
        <div className="rounded-md border bg-ground p-4 text-[15px] leading-relaxed whitespace-pre-wrap wrap-anywhere">
          {shown || <span className="text-soft">It is empty.</span>}
        </div>
      ) : (
        <Json value={shown} label="Content" />
      )}
    </div>
  );
}

/** Who has it in hand, or what was decided by whom. */
function Standing({ review, me }: { review: Detail; me: string }) {
  const held = holder(review, useNow());
  if (review.state !== "open") {
    return (
      <div role="status" className="flex flex-wrap items-center gap-2 rounded-md bg-note px-3 py-2">
        <Status status={over(review)} />
        {review.state === "decided" && review.decided_by && <span>by {nameOf(review.decided_by)}</span>}
        {review.closed_at && <Time at={review.closed_at} />}
        {review.state === "withdrawn" && <span>Its run does not ask this any more.</span>}
      </div>
    );
  }
  if (!held || !review.claimed_until) return null;
  return (
    <p role="status" className="rounded-md bg-note px-3 py-2">
      {held === me ? "You have it in hand" : `${nameOf(held)} has it in hand`} until <Time at={review.claimed_until} />
      {held === me ? ": nobody else can decide it." : ". Until then nobody else can decide it."}
    </p>
  );
}

/** What the first of two people has approved, where that is another content than was shown. */
function Proposed({ review }: { review: Detail }) {
  const first = review.first_by === null ? undefined : review.decisions.at(-1);
  if (!first || review.state !== "open") return null;
  return (
    <Part title="Approved by the first of two">
      <p>
        {nameOf(first.by)} approved {first.edited ? "it with changes" : "it as it is"}, <Time at={first.at} relative />
        {first.comments && `: “${first.comments}”`}. Approving approves the same content.
      </p>
      {first.edited && (
        <WordDiff
          before={editable(review.content)}
          after={editable(first.value)}
          label="What the first person changed"
        />
      )}
    </Part>
  );
}

const AFTER: [string, string][] = [
  ["approve", "Approved"],
  ["edit", "Edited"],
  ["reject", "Rejected"],
  ["changes", "Sent back"],
  ["nothing", "If nobody decides"],
];

function Then({ review }: { review: Detail }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5">
      {AFTER.filter(([key]) => review.next[key]).map(([key, name]) => (
        <div key={key} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd>{review.next[key]}</dd>
        </div>
      ))}
    </dl>
  );
}

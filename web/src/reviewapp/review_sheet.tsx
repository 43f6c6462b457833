import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Time } from "@/ui/amounts";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Badge } from "@/ui/status";
import { figure, sentimentWord } from "./colours";
import { type Review, reviewQuery } from "./data";
import { markedParts } from "./marked";
import { Became, Sentiment, Stars } from "./sentiment";
import { TakeIn } from "./take_in";

/** A review with everything that was found in it; `sentence` is what an answer cites, and is marked. */
export function ReviewSheet({ id, sentence, onClose }: { id: string | null; sentence?: string; onClose: () => void }) {
  return (
    <Dialog open={id !== null} onClose={onClose} title={sentence === undefined ? "Review" : "Source"} wide>
      {id !== null && <Opened id={id} sentence={sentence ?? ""} />}
    </Dialog>
  );
}

function Opened({ id, sentence }: { id: string; sentence: string }) {
  const found = useQuery(reviewQuery(id));
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (found.isPending) return <p className="text-soft">Loading…</p>;
  const review = found.data;
  return (
    <div className="flex flex-col gap-4">
      <ReviewText review={review} sentence={sentence} />
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 border-t pt-4 text-[13px]">
        {facts(review).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd className="min-w-0">{value}</dd>
          </div>
        ))}
      </dl>
      {(review.status === "duplicate" || review.status === "spam") && (
        <div className="flex justify-end">
          <TakeIn id={review.id} text={review.text} />
        </div>
      )}
    </div>
  );
}

function ReviewText({ review, sentence }: { review: Review; sentence: string }) {
  const whole = review.title ? `${review.title}\n${review.text}` : review.text;
  let at = 0;
  return (
    <blockquote tabIndex={0} className="max-h-[45dvh] overflow-auto border-l-2 pl-3 text-[15px] whitespace-pre-wrap">
      {markedParts(whole, sentence).map((part) => {
        const key = at;
        at += part.text.length;
        if (!part.marked) return <span key={key}>{part.text}</span>;
        return (
          <mark key={key} className="rounded-sm bg-note text-ink">
            {part.text}
          </mark>
        );
      })}
    </blockquote>
  );
}

function facts(review: Review): [string, ReactNode][] {
  const all: [string, ReactNode][] = [
    ["Became", <Became key="status" status={review.status} />],
    ["Product", review.product && <Narrow to={{ product: review.product }}>{review.product}</Narrow>],
    ["Stars", review.rating !== null && <Stars value={review.rating} />],
    [
      "Sentiment",
      review.sentiment !== null && (
        <span className="flex items-center gap-2">
          <Sentiment value={review.sentiment} /> {sentimentWord(review.sentiment)}
        </span>
      ),
    ],
    ["Themes", review.themes.length > 0 && <Themes themes={review.themes} />],
    ["Language", review.language],
    [
      "Written",
      <span key="at">
        <Time at={review.created_at} /> by {review.customer ?? "somebody unknown"}
      </span>,
    ],
    ["Source", `${review.source}, ${review.external_id}`],
    ["Analysed by", review.analysed_by && (review.analysed_by === "lexicon" ? "the lexicon" : review.analysed_by)],
    [
      "Suspicion",
      review.spam_score > 0 &&
        `${figure(review.spam_score)} of 1: ${review.spam_reasons.join("; ") || "no reason told"}`,
    ],
    [
      "Copy of",
      review.duplicate_of && (
        <span>
          another review, alike to {Math.round((review.similarity ?? 0) * 100)}%; both stand under{" "}
          <Link to="/apps/reviews/aside" className="text-accent underline">
            Set aside
          </Link>
        </span>
      ),
    ],
    ["Taken back by", review.taken_back_by],
    ["Cell", review.h3_cell && <Narrow to={{ cell: review.h3_cell }}>{review.h3_cell}</Narrow>],
    ["Search", review.status === "analysed" && (review.indexed ? "found by searches" : "not found by searches yet")],
  ];
  return all.filter(([, value]) => value !== null && value !== false && value !== "");
}

function Themes({ themes }: { themes: readonly string[] }) {
  return (
    <span className="flex flex-wrap gap-1">
      {themes.map((theme) => (
        <Narrow key={theme} to={{ theme }}>
          <Badge>{theme}</Badge>
        </Narrow>
      ))}
    </span>
  );
}

/** A way to all reviews that have something in common. */
export function Narrow({ to, children }: { to: Record<string, string>; children: ReactNode }) {
  return (
    <Link to="/apps/reviews/reviews" search={to as never} className="hover:underline">
      {children}
    </Link>
  );
}

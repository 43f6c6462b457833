import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { Time } from "@/ui/amounts";
import { type More, Pages, ShowMore } from "@/ui/pages";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { Tabs } from "@/ui/tabs";
import { figure } from "./colours";
import { type Compared, compared } from "./compared";
import { pairsQuery, type Review, reviewsQuery } from "./data";
import { EnginePage } from "./engine_page";
import { ChooseBox, type Chosen, TakeIn, TakeInChosen, useChosen } from "./take_in";

type Pair = Schemas["PairShown"];
type Side = Schemas["SideShown"];

/** What does not count: duplicates beside what they are copies of, and suspected spam with its reasons. */
export default function AsidePage() {
  const [tab, setTab] = useState("duplicates");
  return (
    <EnginePage title="Set aside">
      <Tabs
        label="What was set aside"
        value={tab}
        onChange={setTab}
        tabs={[
          { id: "duplicates", label: "Duplicates", content: <Duplicates /> },
          { id: "spam", label: "Suspected spam", content: <Spam /> },
        ]}
      />
    </EnginePage>
  );
}

function Duplicates() {
  const found = useInfiniteQuery(pairsQuery);
  return (
    <div className="flex flex-col gap-4 py-4">
      <Pages query={found} items={(page) => page.pairs} empty={<Empty title="No review is a copy of another." />}>
        {(pairs, more) => <Pairs pairs={pairs} more={more} />}
      </Pages>
    </div>
  );
}

function Pairs({ pairs, more }: { pairs: readonly Pair[]; more: More }) {
  const chosen = useChosen(pairs.map((pair) => pair.copy.id));
  return (
    <>
      <TakeInChosen of={chosen} />
      {pairs.map((pair) => (
        <OnePair key={pair.copy.id} pair={pair} chosen={chosen} />
      ))}
      <ShowMore more={more} />
    </>
  );
}

function OnePair({ pair, chosen }: { pair: Pair; chosen: Chosen }) {
  const texts = useMemo(() => compared(pair.original.text, pair.copy.text), [pair]);
  const { id, text } = pair.copy;
  return (
    <Panel
      title={
        <span className="flex items-center gap-2">
          <ChooseBox of={chosen} id={id} text={text} />
          Alike to {Math.round(pair.similarity * 100)}%
        </span>
      }
      actions={
        <>
          {texts.told && <Badge>{texts.told}</Badge>}
          <TakeIn id={id} text={text} />
        </>
      }
      flush
    >
      <div className="grid divide-y md:grid-cols-2 md:divide-x md:divide-y-0">
        <OneSide name="Original" side={pair.original} parts={texts.original} colours="bg-bad/15 text-bad" />
        <OneSide name="Copy" side={pair.copy} parts={texts.copy} colours="bg-good/15 text-good" />
      </div>
    </Panel>
  );
}

function OneSide({
  name,
  side,
  parts,
  colours,
}: {
  name: string;
  side: Side;
  parts: Compared["copy"];
  colours: string;
}) {
  let at = 0;
  return (
    <div className="min-w-0 p-4">
      <p className="mb-1 text-xs text-soft">
        <strong className="text-ink">{name}</strong> · {side.customer ?? "somebody unknown"} · {side.source} ·{" "}
        <Time at={side.created_at} />
      </p>
      <p tabIndex={0} className="max-h-60 overflow-auto whitespace-pre-wrap">
        {parts.map((part) => {
          const key = at;
          at += part.text.length;
          if (!part.marked) return <span key={key}>{part.text}</span>;
          return (
            <mark key={key} className={`rounded-sm ${colours}`}>
              {part.text}
            </mark>
          );
        })}
      </p>
    </div>
  );
}

function Spam() {
  const found = useInfiniteQuery(reviewsQuery({ status: "spam" }));
  return (
    <div className="flex flex-col gap-4 py-4">
      <Pages query={found} items={(page) => page.reviews} empty={<Empty title="Nothing looks like spam." />}>
        {(reviews, more) => <Suspected reviews={reviews} more={more} />}
      </Pages>
    </div>
  );
}

function Suspected({ reviews, more }: { reviews: readonly Review[]; more: More }) {
  const chosen = useChosen(reviews.map((review) => review.id));
  return (
    <>
      <TakeInChosen of={chosen} />
      <ul className="divide-y rounded-lg border bg-card">
        {reviews.map((review) => (
          <OneSpam key={review.id} review={review} chosen={chosen} />
        ))}
      </ul>
      <ShowMore more={more} />
    </>
  );
}

function OneSpam({ review, chosen }: { review: Review; chosen: Chosen }) {
  const whole = review.title ? `${review.title} ${review.text}` : review.text;
  return (
    <li className="flex flex-col gap-1.5 px-4 py-3">
      <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
        <span className="flex min-w-0 flex-[1_1_20rem] items-start gap-3">
          <span className="flex h-5 items-center">
            <ChooseBox of={chosen} id={review.id} text={whole} />
          </span>
          <p className="max-w-[85ch] min-w-0 wrap-anywhere">{whole}</p>
        </span>
        <TakeIn id={review.id} text={whole} />
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-soft">
        <span className="tabular-nums">suspicion {figure(review.spam_score)} of 1</span>
        <span className="flex flex-wrap gap-1">
          {review.spam_reasons.map((reason) => (
            <Badge key={reason} tone="bad">
              {reason}
            </Badge>
          ))}
        </span>
        <span>
          {review.customer ?? "somebody unknown"} · {review.source} · {review.product ?? "no product"} ·{" "}
          <Time at={review.created_at} />
        </span>
      </div>
    </li>
  );
}

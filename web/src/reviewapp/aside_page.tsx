import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { Tabs } from "@/ui/tabs";
import { figure } from "./colours";
import { type Compared, compared } from "./compared";
import { pairsQuery, type Review, reviewsQuery } from "./data";
import { EnginePage } from "./engine_page";

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
  const pairs = found.data?.pages.flatMap((page) => page.pairs) ?? [];
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (found.isPending) return <p className="py-4 text-soft">Loading…</p>;
  if (pairs.length === 0) return <Empty title="No review is a copy of another." />;
  return (
    <div className="flex flex-col gap-4 py-4">
      {pairs.map((pair) => (
        <OnePair key={pair.copy.id} pair={pair} />
      ))}
      <More query={found} />
    </div>
  );
}

function OnePair({ pair }: { pair: Pair }) {
  const texts = useMemo(() => compared(pair.original.text, pair.copy.text), [pair]);
  return (
    <Panel
      title={`Alike to ${Math.round(pair.similarity * 100)}%`}
      actions={texts.told && <Badge>{texts.told}</Badge>}
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
  const reviews = found.data?.pages.flatMap((page) => page.reviews) ?? [];
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (found.isPending) return <p className="py-4 text-soft">Loading…</p>;
  if (reviews.length === 0) return <Empty title="Nothing looks like spam." />;
  return (
    <div className="flex flex-col gap-4 py-4">
      <ul className="divide-y rounded-lg border bg-card">
        {reviews.map((review) => (
          <OneSpam key={review.id} review={review} />
        ))}
      </ul>
      <More query={found} />
    </div>
  );
}

function OneSpam({ review }: { review: Review }) {
  return (
    <li className="flex flex-col gap-1.5 px-4 py-3">
      <p className="max-w-[85ch]">{review.title ? `${review.title} ${review.text}` : review.text}</p>
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

/** Asks for the next page, where there is one. */
function More({
  query,
}: {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> };
}) {
  if (!query.hasNextPage) return null;
  return (
    <Button className="self-center" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      {query.isFetchingNextPage ? "Loading…" : "Show more"}
    </Button>
  );
}

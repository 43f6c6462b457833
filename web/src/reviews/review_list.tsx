import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { ArrowUp } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Status } from "@/ui/status";
import type { Review } from "./data";
import { Deadline, Marks } from "./marks";
import { keptInPlace } from "./places";

const ROW_PX = 88;

export interface ListProps {
  reviews: readonly Review[];
  current: string | null;
  selected: ReadonlySet<string>;
  me: string;
  decides: boolean;
  more: boolean;
  busy: boolean;
  onMore: () => void;
  onOpen: (id: string) => void;
  onSelect: (id: string) => void;
}

/** What waits, one row each. What arrives does not move what is being looked at. */
export function ReviewList(props: ListProps) {
  const { reviews, current, more, busy, onMore } = props;
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: reviews.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => reviews[index]?.id ?? index,
    overscan: 8,
  });
  const arrived = useStillness(frame, reviews);
  const index = reviews.findIndex((review) => review.id === current);
  const shown = useRef(current);
  useEffect(() => {
    if (shown.current === current) return; // only a move of the user's scrolls
    shown.current = current;
    if (index >= 0) rows.scrollToIndex(index, { align: "auto" });
  }, [current, index, rows]);
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && !busy && last >= reviews.length - 20) onMore();
  }, [last, more, busy, reviews.length, onMore]);
  return (
    <div className="relative min-h-0 flex-1">
      {arrived.above > 0 && (
        <Button
          look="main"
          className="absolute top-2 left-1/2 z-10 -translate-x-1/2 text-xs shadow-md"
          onClick={() => frame.current?.scrollTo({ top: 0 })}
        >
          <ArrowUp size={14} aria-hidden /> {arrived.above} new above
        </Button>
      )}
      <div ref={frame} onScroll={arrived.onScroll} className="h-full overflow-auto">
        <ul aria-label="Reviews" className="relative" style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const review = reviews[item.index];
            return (
              review && (
                <li
                  key={review.id}
                  aria-setsize={more ? -1 : reviews.length}
                  aria-posinset={item.index + 1}
                  className="absolute inset-x-0"
                  style={{ height: ROW_PX, transform: `translateY(${item.start}px)` }}
                >
                  <Row {...props} review={review} />
                </li>
              )
            );
          })}
        </ul>
      </div>
    </div>
  );
}

/** Keeps the first row that is seen where it is when rows come or go above it; counts those that came. */
function useStillness(frame: React.RefObject<HTMLDivElement | null>, reviews: readonly Review[]) {
  const [above, setAbove] = useState(0);
  const before = useRef<readonly string[]>([]);
  useLayoutEffect(() => {
    const ids = reviews.map((review) => review.id);
    const element = frame.current;
    if (element && before.current.length > 0) {
      const kept = keptInPlace(before.current, ids, element.scrollTop, ROW_PX);
      if (kept.scrollTop !== element.scrollTop) element.scrollTop = kept.scrollTop;
      if (kept.above > 0 && element.scrollTop >= ROW_PX) setAbove((many) => many + kept.above);
    }
    before.current = ids;
  }, [reviews, frame]);
  const onScroll = () => {
    if ((frame.current?.scrollTop ?? 0) < ROW_PX) setAbove(0);
  };
  return { above, onScroll };
}

function Row({ review, current, selected, me, decides, onOpen, onSelect }: ListProps & { review: Review }) {
  const here = review.id === current;
  const name = review.question || review.step;
  return (
    <div
      className={clsx(
        "flex h-full items-stretch border-b border-l-4",
        here ? "border-l-accent bg-sunk" : "border-l-transparent hover:bg-sunk",
      )}
    >
      {decides && review.state === "open" && (
        <label className="flex w-9 shrink-0 cursor-pointer items-center justify-center">
          <span className="sr-only">Select “{name}”</span>
          <input
            type="checkbox"
            tabIndex={-1}
            className="size-4 accent-accent"
            checked={selected.has(review.id)}
            onChange={() => onSelect(review.id)}
          />
        </label>
      )}
      <button
        type="button"
        aria-current={here ? "true" : undefined}
        className={clsx("min-w-0 flex-1 py-2 pr-3 text-left", !(decides && review.state === "open") && "pl-3")}
        onClick={() => onOpen(review.id)}
      >
        <span className="flex h-6 items-center gap-1.5 overflow-hidden">
          <span className="min-w-16 truncate font-semibold">{name}</span>
          <Marks review={review} me={me} />
        </span>
        <span className="block truncate text-ink/90">{review.excerpt.replace(/\s+/g, " ") || "–"}</span>
        <span className="flex items-center gap-2 overflow-hidden text-xs whitespace-nowrap text-soft">
          <span className="truncate">{[review.flow, review.content_type].filter(Boolean).join(" · ")}</span>
          {review.confidence !== null && <span title="The judge's confidence">{percent(review.confidence)}</span>}
          <Time at={review.closed_at ?? review.created_at} relative />
          <span className="ml-auto">
            {review.state === "open" ? <Deadline review={review} /> : <Status status={over(review)} />}
          </span>
        </span>
      </button>
    </div>
  );
}

/** What became of a review, in a word. */
export function over(review: Review): string {
  if (review.state === "withdrawn") return "withdrawn";
  return { approve: "approved", reject: "rejected", changes: "sent back" }[review.verdict ?? "approve"];
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { count } from "@/ui/amounts";
import { Panel } from "@/ui/panel";
import { type Bucket, bucketsOf, type Day, type Width } from "./buckets";
import { figure } from "./colours";

const TimelineChart = lazy(() => import("./timeline_chart"));

/** Volume and sentiment over time, and what the colours mean. */
export function Timeline({ days, width, actions }: { days: readonly Day[]; width: Width; actions: ReactNode }) {
  const buckets = useMemo(() => bucketsOf(days, width), [days, width]);
  const [at, setAt] = useState<number | null>(null);
  const pointed = at === null ? undefined : buckets[at];
  const first = buckets[0];
  return (
    <Panel title="Volume and sentiment" actions={actions}>
      {!first ? (
        <p className="text-soft">No reviews in these days. Figures by day are made anew every few minutes.</p>
      ) : (
        <>
          <Suspense fallback={<div className="h-[240px]" />}>
            <TimelineChart
              buckets={buckets}
              width={width}
              onBucket={setAt}
              label={`A chart of reviews and their sentiment by ${width}, from ${first.start}; beneath it stand the figures.`}
            />
          </Suspense>
          <Words buckets={pointed ? [pointed] : buckets} when={pointed ? nameOf(pointed, width) : "in all"} />
        </>
      )}
    </Panel>
  );
}

function nameOf(bucket: Bucket, width: Width): string {
  return width === "day" ? bucket.start : `the ${width} of ${bucket.start}`;
}

function Words({ buckets, when }: { buckets: readonly Bucket[]; when: string }) {
  const add = (pick: (bucket: Bucket) => number) => buckets.reduce((total, bucket) => total + pick(bucket), 0);
  const judged = buckets.filter((bucket) => bucket.sentiment !== null);
  const many = judged.reduce((total, bucket) => total + bucket.reviews, 0);
  const mean =
    many > 0 ? judged.reduce((total, bucket) => total + (bucket.sentiment ?? 0) * bucket.reviews, 0) / many : null;
  const [all, positive, negative] = [add((b) => b.reviews), add((b) => b.positive), add((b) => b.negative)];
  const kinds = [
    { name: "positive", colour: "var(--high)", value: count(positive) },
    { name: "mixed", colour: "var(--mid)", value: count(all - positive - negative) },
    { name: "negative", colour: "var(--low)", value: count(negative) },
    { name: "mean sentiment (line)", colour: "var(--ink)", value: figure(mean) },
  ];
  return (
    <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs">
      {kinds.map((kind) => (
        <li key={kind.name} className="flex items-center gap-1.5">
          <span className="size-2.5 rounded-sm" style={{ background: kind.colour }} aria-hidden />
          {kind.name} <span className="text-soft tabular-nums">{kind.value}</span>
        </li>
      ))}
      <li className="ml-auto text-soft tabular-nums">{when}</li>
    </ul>
  );
}

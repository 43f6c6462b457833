import type { Schemas } from "@/api/client";

export type Day = Schemas["DayShown"];
export const WIDTHS = ["day", "week", "month"] as const;
export type Width = (typeof WIDTHS)[number];

/** Reviews of a day, a week or a month. `start` is its first day, YYYY-MM-DD in UTC. */
export interface Bucket {
  start: string;
  reviews: number;
  positive: number;
  negative: number;
  /** The mean over all its reviews; null without any. */
  sentiment: number | null;
}

const DAY_MS = 86_400_000;

/** The first day of the week (Monday) or month in which a day lies. */
export function startOf(day: string, width: Width): string {
  if (width === "month") return `${day.slice(0, 7)}-01`;
  const at = new Date(`${day}T00:00Z`);
  if (width === "week") at.setTime(at.getTime() - ((at.getUTCDay() + 6) % 7) * DAY_MS);
  return at.toISOString().slice(0, 10);
}

function after(start: string, width: Width): string {
  const at = new Date(`${start}T00:00Z`);
  if (width === "month") at.setUTCMonth(at.getUTCMonth() + 1);
  else at.setTime(at.getTime() + (width === "week" ? 7 : 1) * DAY_MS);
  return at.toISOString().slice(0, 10);
}

/** Days put together into buckets without a gap, from the first that has reviews to the last. */
export function bucketsOf(days: readonly Day[], width: Width): Bucket[] {
  const found = new Map<string, Bucket & { sum: number; judged: number }>();
  for (const day of days) {
    const start = startOf(day.day, width);
    const bucket = found.get(start) ?? {
      start,
      reviews: 0,
      positive: 0,
      negative: 0,
      sentiment: null,
      sum: 0,
      judged: 0,
    };
    bucket.reviews += day.reviews;
    bucket.positive += day.positive;
    bucket.negative += day.negative;
    if (day.sentiment !== null) {
      bucket.sum += day.sentiment * day.reviews;
      bucket.judged += day.reviews;
    }
    found.set(start, bucket);
  }
  const starts = [...found.keys()].sort();
  const [first, last] = [starts[0], starts[starts.length - 1]];
  if (first === undefined || last === undefined) return [];
  const all: Bucket[] = [];
  for (let start = first; start <= last; start = after(start, width)) {
    const { sum = 0, judged = 0, ...rest } = found.get(start) ?? { start, reviews: 0, positive: 0, negative: 0 };
    all.push({ ...rest, sentiment: judged > 0 ? sum / judged : null });
  }
  return all;
}

/** The width that shows so many days well. */
export function widthFor(days: number): Width {
  if (days <= 60) return "day";
  return days <= 730 ? "week" : "month";
}

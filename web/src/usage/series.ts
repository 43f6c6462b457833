import type { Schemas } from "@/api/client";

export type UsageItem = Schemas["UsageItem"];
export const MEASURES = ["cost", "tokens", "calls"] as const;
export type Measure = (typeof MEASURES)[number];
export const KEYS = [
  "model",
  "agent",
  "flow",
  "deployment",
  "provider",
  "route",
  "step",
  "priority",
  "outcome",
  "day",
  "tenant",
] as const;
export type Key = (typeof KEYS)[number];

/** So many series are told apart in a chart; what is less stands together. */
export const MOST_SERIES = 7;
export const OTHERS = "all others";

/** A line of the chart: a value for each day, in the order of the days. */
export interface Series {
  name: string;
  values: number[];
}

export interface Days {
  /** Days in UTC, YYYY-MM-DD, without a gap. */
  days: string[];
  series: Series[];
}

/** What a row is called by a key; calls outside of runs have no flow. */
export function nameOf(row: UsageItem, key: Key): string {
  const value = row.keys[key];
  return value === null || value === undefined || value === "" ? "none" : String(value);
}

/** A row's figure, for drawing; exact sums come from the server. */
export function measured(row: UsageItem, measure: Measure): number {
  if (measure === "cost") return Number(row.cost_usd);
  return measure === "calls" ? row.calls : tokensOf(row);
}

export function tokensOf(row: UsageItem): number {
  const { input, cached_input, cache_write, output } = row.tokens;
  return input + cached_input + cache_write + output;
}

/** Every day from the first to the last, in UTC. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  const end = Date.parse(`${last}T00:00Z`);
  for (let at = Date.parse(`${first}T00:00Z`); at <= end; at += 86_400_000) days.push(dayOf(new Date(at)));
  return days;
}

/** The day in UTC, YYYY-MM-DD. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** The first of so many days that end with today. */
export function firstDay(days: number, now: Date): string {
  return dayOf(new Date(now.getTime() - (days - 1) * 86_400_000));
}

/** Rows by day and a key, as series over all days: the biggest first, and the small ones together. */
export function seriesOf(rows: readonly UsageItem[], key: Key, measure: Measure, days: string[]): Days {
  const place = new Map(days.map((day, index) => [day, index]));
  const found = new Map<string, number[]>();
  for (const row of rows) {
    const index = place.get(nameOf(row, "day"));
    if (index === undefined) continue;
    const name = key === "day" ? "all" : nameOf(row, key);
    const values = found.get(name) ?? days.map(() => 0);
    values[index] = (values[index] ?? 0) + measured(row, measure);
    found.set(name, values);
  }
  const all = [...found].map(([name, values]) => ({ name, values }));
  all.sort((a, b) => sum(b.values) - sum(a.values) || a.name.localeCompare(b.name));
  if (all.length <= MOST_SERIES) return { days, series: all };
  const rest = all.slice(MOST_SERIES - 1);
  const others = days.map((_, index) => sum(rest.map((each) => each.values[index] ?? 0)));
  return { days, series: [...all.slice(0, MOST_SERIES - 1), { name: OTHERS, values: others }] };
}

/** Each series on top of those before it: where its bars end. */
export function stacked(series: readonly Series[]): number[][] {
  const ends: number[][] = [];
  for (const each of series) {
    const below = ends[ends.length - 1];
    ends.push(each.values.map((value, index) => value + (below?.[index] ?? 0)));
  }
  return ends;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

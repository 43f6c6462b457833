import { dayOf, sum } from "./series";

const DAY_MS = 86_400_000;
/** A pace is the mean of so many whole days. */
export const PACE_DAYS = 7;

/** What is spent a day, and of how many days that is the mean. */
export interface Pace {
  perDayUsd: number;
  days: number;
}

/** What a budget comes to at a pace. */
export type Outlook = { kind: "spent" } | { kind: "lasts" } | { kind: "no pace" } | { kind: "runs out"; at: Date };

/** The pace of the last whole days (UTC), counted from the first of them on which anything was spent. */
export function paceOf(costs: ReadonlyMap<string, number>, now: Date): Pace | null {
  const midnight = Date.parse(`${dayOf(now)}T00:00Z`);
  const days = Array.from({ length: PACE_DAYS }, (_, index) =>
    dayOf(new Date(midnight - (PACE_DAYS - index) * DAY_MS)),
  );
  const first = days.findIndex((day) => (costs.get(day) ?? 0) > 0);
  if (first < 0) return null;
  const counted = days.slice(first);
  return { perDayUsd: sum(counted.map((day) => costs.get(day) ?? 0)) / counted.length, days: counted.length };
}

/** When a month's budget runs out at a pace, or that it lasts until the month is over. */
export function outlook(leftUsd: number, pace: Pace | null, now: Date): Outlook {
  if (leftUsd <= 0) return { kind: "spent" };
  if (pace === null || pace.perDayUsd <= 0) return { kind: "no pace" };
  const at = new Date(now.getTime() + (leftUsd / pace.perDayUsd) * DAY_MS);
  const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
  return Number.isNaN(at.getTime()) || at.getTime() >= next ? { kind: "lasts" } : { kind: "runs out", at };
}

/** How the pace was reckoned, in a sentence. */
export function paceTold(pace: Pace | null, dollars: (amount: number) => string): string {
  if (pace === null)
    return `Nothing was spent in the last ${PACE_DAYS} whole days (UTC), so there is no pace to go by.`;
  const days = pace.days === 1 ? "yesterday" : `the mean of the last ${pace.days} whole days`;
  return `At the pace of ${dollars(pace.perDayUsd)} a day: ${days} (UTC), by the ledger.`;
}

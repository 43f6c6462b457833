/** How much time is left, and how that is told. */

/** From here on a deadline is urgent: the same hour as the API's filter `urgent`. */
export const URGENT_MS = 3_600_000;

export interface Timed {
  due_at: string | null;
  escalated_at: string | null;
}

/** Whether it was escalated, or time decides within the hour. */
export function isUrgent(review: Timed, now: number): boolean {
  return review.escalated_at !== null || (review.due_at !== null && Date.parse(review.due_at) - now < URGENT_MS);
}

/** 4:09 for minutes, 3 h 12 min for hours, 2 d 4 h for days. */
export function left(ms: number): string {
  if (ms <= 0) return "now";
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Whether somebody other than `me` has it in hand now; who. */
export function holder(
  review: { claimed_by: string | null; claimed_until: string | null },
  now: number,
): string | null {
  if (review.claimed_by === null || review.claimed_until === null) return null;
  return Date.parse(review.claimed_until) > now ? review.claimed_by : null;
}

/** Times to put something off until: all are to come, the soonest first. */
export function laterTimes(now: Date): { told: string; at: Date }[] {
  const inHours = (hours: number) => new Date(now.getTime() + hours * 3_600_000);
  const morning = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 9);
  const untilMonday = ((8 - now.getDay()) % 7 || 7) as number;
  return [
    { told: "for an hour", at: inHours(1) },
    { told: "for three hours", at: inHours(3) },
    { told: "until tomorrow at nine", at: morning(1) },
    ...(untilMonday > 1 ? [{ told: "until Monday at nine", at: morning(untilMonday) }] : []),
    { told: "for a week", at: inHours(7 * 24) },
  ];
}

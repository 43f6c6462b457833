/** What time the server has: clocks of other machines are off, and deadlines are its. */

/** Times of answers are whole seconds and have been on their way: less than this is no difference. */
const SAME_MS = 5_000;

let ahead = 0;

/** Notes the time that an answer was sent at (its `Date` header). */
export function noteServerTime(sent: string | null, now = Date.now()): void {
  const at = sent === null ? Number.NaN : Date.parse(sent);
  if (Number.isNaN(at)) return;
  const off = at - now;
  ahead = Math.abs(off) < SAME_MS ? 0 : Math.abs(off - ahead) < SAME_MS ? ahead : off;
}

/** The server's time, ms since 1970. */
export function serverNow(): number {
  return Date.now() + ahead;
}

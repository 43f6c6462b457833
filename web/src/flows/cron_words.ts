/** What a cron expression means, in words; null for one that is better told by its next times. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** `30 9 * * 1-5` as “at 9:30, Monday to Friday”. Fields: minute, hour, day, month, weekday. */
export function cronWords(cron: string): string | null {
  const fields = cron.trim().toLowerCase().split(/\s+/);
  if (fields.length !== 5) return null;
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const time = timeWords(minute, hour);
  const days = dayWords(day, weekday);
  const months = month === "*" ? "" : named(month, (part) => MONTHS[number(part, 1, 12) - 1]);
  if (time === null || days === null || months === null) return null;
  return [time, days, months && `in ${months}`].filter(Boolean).join(", ");
}

function timeWords(minute: string, hour: string): string | null {
  const everyMinutes = step(minute, 60);
  if (everyMinutes !== null) {
    const often = everyMinutes === 1 ? "every minute" : `every ${everyMinutes} minutes`;
    if (hour === "*") return often;
    const between = /^(\d+)-(\d+)$/.exec(hour);
    if (!between || !within(between[1], 23) || !within(between[2], 23)) return null;
    return `${often} from ${between[1]}:00 to ${between[2]}:59`;
  }
  if (!within(minute, 59)) return null;
  const at = minute.padStart(2, "0");
  const everyHours = step(hour, 24);
  if (everyHours !== null)
    return `at minute ${Number(minute)} of every ${everyHours === 1 ? "hour" : `${everyHours} hours`}`;
  const hours = hour.split(",");
  if (!hours.every((each) => within(each, 23))) return null;
  return `at ${joined(hours.map((each) => `${Number(each)}:${at}`))}`;
}

function dayWords(day: string, weekday: string): string | null {
  const days =
    day === "*" ? "" : named(day, (part) => (within(part, 31) && part !== "0" ? String(Number(part)) : undefined));
  const weekdays = weekday === "*" ? "" : named(weekday, weekdayOf);
  if (days === null || weekdays === null) return null;
  if (days && weekdays) return `on day ${days} of the month or on ${weekdays}`; // cron takes either
  if (days) return `on day ${days} of the month`;
  return weekdays || "every day";
}

function weekdayOf(part: string): string | undefined {
  const name = DAY_NAMES.indexOf(part);
  return DAYS[name >= 0 ? name : number(part, 0, 7) % 7];
}

/** A list of values and ranges by their names; null where one has none. */
function named(field: string, nameOf: (part: string) => string | undefined): string | null {
  const parts = field.split(",").map((part) => {
    const ends = part.split("-").map(nameOf);
    if (ends.length > 2 || ends.some((end) => end === undefined)) return null;
    return ends.join(" to ");
  });
  return parts.some((part) => part === null) ? null : joined(parts as string[]);
}

function joined(parts: string[]): string {
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(", ")} and ${last}`;
}

/** How many of its units lie between two ticks; only a step that divides the whole is regular. */
function step(field: string, whole: number): number | null {
  if (field === "*") return 1;
  const every = /^\*\/(\d+)$/.exec(field);
  const units = every ? Number(every[1]) : 0;
  return units > 0 && whole % units === 0 ? units : null;
}

function within(text: string | undefined, most: number): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= most;
}

function number(text: string, least: number, most: number): number {
  return within(text, most) && Number(text) >= least ? Number(text) : Number.NaN;
}

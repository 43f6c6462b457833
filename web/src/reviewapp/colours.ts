/** Sentiments run from 0 to 5, but means of many lie between these; beyond them the colour is full. */
const LOWEST = 1.5;
const HIGHEST = 3.5;
const MIDDLE = (LOWEST + HIGHEST) / 2;

/** The colour of a sentiment: from rust over sand to teal. Unknown is the line's colour. */
export function sentimentColour(sentiment: number | null | undefined): string {
  if (sentiment === null || sentiment === undefined || Number.isNaN(sentiment)) return "var(--line)";
  const far = Math.min(1, Math.abs(sentiment - MIDDLE) / (HIGHEST - MIDDLE));
  const end = sentiment < MIDDLE ? "--low" : "--high";
  return `color-mix(in oklab, var(${end}) ${Math.round(far * 100)}%, var(--mid))`;
}

/** What a sentiment means in a word, by the thresholds of the figures. */
export function sentimentWord(sentiment: number | null | undefined): string {
  if (sentiment === null || sentiment === undefined) return "not analysed";
  if (sentiment > 3) return "positive";
  return sentiment < 2 ? "negative" : "mixed";
}

/** A figure with one or two places, a dash for none. */
export function figure(value: number | null | undefined, places = 2): string {
  return value === null || value === undefined ? "–" : value.toFixed(places);
}

/** A share in percent. */
export function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((part / whole) * 100)}%` : "–";
}

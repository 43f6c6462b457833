import type { Entry, TextAt } from "@/stream/entry";
import type { Span } from "@/stream/voice_text";

export const CHAR_PX = 6.7;
/** Room that a voice's text has at least, where nothing follows it. */
export const LEAST_TEXT_PX = 240;

/** The last characters of a text, with what was taken back among them, as pieces to show. */
export function tail(spans: readonly Span[], room: number): { text: string; struck: boolean }[] {
  const pieces: { text: string; struck: boolean }[] = [];
  let left = room;
  for (let index = spans.length - 1; index >= 0 && left > 0; index--) {
    const span = spans[index] as Span;
    const text = span.text.length > left ? span.text.slice(-left) : span.text;
    left -= text.length;
    pieces.unshift({ text: text.replace(/\s+/g, " "), struck: span.struck !== null });
  }
  return pieces;
}

/** The first characters of what stands. */
export function head(spans: readonly Span[], room: number): { text: string; struck: boolean }[] {
  let text = "";
  for (const span of spans) {
    if (span.struck !== null) continue;
    text += span.text.slice(0, room - text.length);
    if (text.length >= room) break;
  }
  return text ? [{ text: text.replace(/\s+/g, " "), struck: false }] : [];
}

/** Shows one entry's text in an element and remembers what it shows, so that what has not changed costs nothing. */
export class EntryText {
  #known: TextAt | null = null;
  #shown = "";

  constructor(readonly entry: Entry) {}

  paint(element: HTMLElement, time: number, live: boolean, room: number): void {
    const { entry } = this;
    const over = entry.to !== null && time >= entry.to;
    let spans: readonly Span[];
    let version: string;
    if (live) {
      spans = entry.live.spans;
      version = `live ${entry.live.version}`;
    } else {
      this.#known = entry.textAt(time, this.#known);
      spans = this.#known.text.spans;
      version = `at ${this.#known.index}`;
    }
    const shown = `${version} ${room} ${over}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    const pieces = over ? head(spans, room) : tail(spans, room);
    if (pieces.length === 1 && !pieces[0]?.struck) {
      element.textContent = pieces[0]?.text ?? "";
      return;
    }
    element.replaceChildren(
      ...pieces.map(({ text, struck }) => {
        if (!struck) return document.createTextNode(text);
        const gone = document.createElement("s");
        gone.textContent = text;
        return gone;
      }),
    );
  }
}

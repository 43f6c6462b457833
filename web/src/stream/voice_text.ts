/** A piece of what a step has written: it stands, or it was taken back. `length` is in code points. */
export interface Span {
  text: string;
  length: number;
  struck: string | null;
}

/**
 * The text of one step: what stands and what was taken back, in the order in which it was written. Offsets count code
 * points of the text that stands, as the server's do.
 */
export class VoiceText {
  readonly spans: Span[] = [];
  /** Code points that stand. */
  end = 0;
  /** Counts changes, so that a view knows when to paint anew. */
  version = 0;

  /** Takes text at its offset; what is known already is passed over. */
  write(offset: number, text: string): void {
    let fresh = text;
    if (offset < this.end) {
      fresh = text.slice(unitsOf(text, this.end - offset));
    }
    if (fresh === "") return;
    const length = codePoints(fresh);
    const last = this.spans[this.spans.length - 1];
    if (last && last.struck === null) {
      last.text += fresh;
      last.length += length;
    } else {
      this.spans.push({ text: fresh, length, struck: null });
    }
    this.end = Math.max(offset, this.end) + length;
    this.version += 1;
  }

  /** Takes back what stands from an offset on. */
  retract(from: number, reason: string): void {
    if (from >= this.end) return;
    let left = this.end - from;
    const at = this.spans.length - 1;
    for (let index = at; index >= 0 && left > 0; index--) {
      const span = this.spans[index] as Span;
      if (span.struck !== null) continue;
      if (span.length <= left) {
        span.struck = reason;
        left -= span.length;
        continue;
      }
      const kept = span.length - left;
      const cut = unitsOf(span.text, kept);
      const gone: Span = { text: span.text.slice(cut), length: left, struck: reason };
      span.text = span.text.slice(0, cut);
      span.length = kept;
      this.spans.splice(index + 1, 0, gone);
      left = 0;
    }
    this.end = from;
    this.version += 1;
  }

  /** All that stands. */
  get standing(): string {
    let text = "";
    for (const span of this.spans) if (span.struck === null) text += span.text;
    return text;
  }
}

/** How many code points a string has. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length - 1; at++) {
    if (isPair(text, at)) {
      count -= 1;
      at += 1;
    }
  }
  return count;
}

/** How many UTF-16 units the first code points of a string take. */
export function unitsOf(text: string, points: number): number {
  let at = 0;
  for (let left = points; left > 0 && at < text.length; left--) at += isPair(text, at) ? 2 : 1;
  return at;
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(at + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}

import type { Entry } from "@/stream/entry";

/** Stretches of time, ms, in which nothing is at work, that are longer than this are drawn as long as this. */
export const LONGEST_REST_MS = 3_000;

interface Rest {
  from: number;
  to: number;
}

/**
 * Time as it is drawn: from the run's start on, with long rests (a run that waits for a person, say) made short.
 * All times are ms; drawn times begin with 0.
 */
export class Scale {
  #starts: number[] = []; // where each stretch without a long rest begins, as time
  #drawn: number[] = []; // and as drawn time
  readonly rests: readonly Rest[];

  constructor(
    readonly start: number,
    rests: readonly Rest[] = [],
  ) {
    this.rests = rests;
    this.#starts.push(start);
    this.#drawn.push(0);
    let drawn = 0;
    let at = start;
    for (const rest of rests) {
      drawn += rest.from - at + LONGEST_REST_MS;
      at = rest.to;
      this.#starts.push(at);
      this.#drawn.push(drawn);
    }
  }

  /** Where a time is drawn. */
  drawn(time: number): number {
    const index = lastAtMost(this.#starts, time);
    const start = this.#starts[index] ?? this.start;
    const begin = this.#drawn[index] ?? 0;
    const rest = this.rests[index];
    if (rest && time > rest.from) {
      const share = (time - rest.from) / (rest.to - rest.from);
      return begin + (rest.from - start) + share * LONGEST_REST_MS;
    }
    return begin + Math.max(0, time - start);
  }

  /** The time that is drawn somewhere. */
  time(drawn: number): number {
    const index = lastAtMost(this.#drawn, drawn);
    const start = this.#starts[index] ?? this.start;
    const into = drawn - (this.#drawn[index] ?? 0);
    const rest = this.rests[index];
    if (rest && into > rest.from - start) {
      const share = Math.min(1, (into - (rest.from - start)) / LONGEST_REST_MS);
      return rest.from + share * (rest.to - rest.from);
    }
    return start + Math.max(0, into);
  }
}

/** The scale of a run's entries until `end`: what lies between stretches of work, where it is long, is a rest. */
export function scaleOf(start: number, entries: Iterable<Entry>, end: number): Scale {
  const work: Rest[] = [];
  for (const entry of entries) {
    let from = entry.from;
    for (const pause of entry.pauses) {
      if (pause.from > from) work.push({ from, to: pause.from });
      from = pause.to ?? end;
    }
    const to = entry.to ?? end;
    if (to >= from) work.push({ from, to });
    for (const mark of entry.marks) work.push({ from: mark.at, to: mark.at });
  }
  work.push({ from: end, to: end });
  work.sort((a, b) => a.from - b.from);
  const rests: Rest[] = [];
  let until = start;
  for (const { from, to } of work) {
    if (from - until > LONGEST_REST_MS) rests.push({ from: until, to: from });
    until = Math.max(until, to);
  }
  return new Scale(start, rests);
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

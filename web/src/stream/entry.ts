import { VoiceText } from "./voice_text";

export type Outcome = "working" | "waiting" | "done" | "failed" | "stopped" | "skipped" | "dropped" | "cut";

/** Something to be marked at its time. */
export interface Mark {
  at: number;
  kind: "retract" | "retry" | "steer" | "feedback" | "tool" | "call" | "deferred" | "failed" | "turn" | "verdict";
  label: string;
}

/** A stretch of time in which a step waited: for a person, an event, a timer, or its next attempt. */
export interface Pause {
  kind: "review" | "event" | "timer" | "retry" | "quota";
  label: string;
  from: number;
  to: number | null;
  review: string | null;
}

/** Text that came, or was taken back, at a time: what `VoiceText` is folded from. */
export type Stroke = { at: number; offset: number; text: string } | { at: number; from: number; reason: string };

/** Which node of a graph that a step hosts; `name` says the sub-graphs around it too: `ingestion/validate`. */
export interface NodePlace {
  step: string;
  name: string;
}

/**
 * One step at work: from its first attempt, or the beginning of its wait, to its end; or one node of a graph that a step hosts.
 * Times are ms since 1970.
 */
export class Entry {
  to: number | null = null;
  outcome: Outcome = "working";
  attempt = 1;
  /** How many attempts ended until a person had answered, and how many times it was tried without those. */
  rests = 0;
  tries = 1;
  error = "";
  note = "";
  readonly pauses: Pause[] = [];
  readonly marks: Mark[] = [];
  readonly strokes: Stroke[] = [];
  /** When text was written that was then taken back. */
  readonly struck: { from: number; to: number }[] = [];
  readonly live = new VoiceText();
  model = "";
  tokens = 0;
  costUsd = 0;
  version = 0;

  constructor(
    readonly path: string,
    readonly from: number,
    readonly node: NodePlace | null = null,
  ) {}

  /** The text as it stood at a time: folds on from `known` where that is not later. */
  textAt(time: number, known: TextAt | null): TextAt {
    const text = known && known.time <= time ? known : { time, index: 0, text: new VoiceText() };
    while (text.index < this.strokes.length) {
      const stroke = this.strokes[text.index] as Stroke;
      if (stroke.at > time) break;
      apply(text.text, stroke);
      text.index += 1;
    }
    text.time = time;
    return text;
  }
}

export interface TextAt {
  time: number;
  index: number;
  text: VoiceText;
}

function apply(text: VoiceText, stroke: Stroke): void {
  if ("text" in stroke) text.write(stroke.offset, stroke.text);
  else text.retract(stroke.from, stroke.reason);
}

/** When the text from an offset on was begun. */
export function writtenFrom(entry: Entry, offset: number): number {
  let at = entry.from;
  for (let index = entry.strokes.length - 1; index >= 0; index--) {
    const stroke = entry.strokes[index] as Stroke;
    if ("from" in stroke) break;
    at = stroke.at;
    if (stroke.offset <= offset) break;
  }
  return at;
}

/** Ends the pause that a step is in, if it is in one. */
export function endPause(entry: Entry, at: number): void {
  const pause = entry.pauses[entry.pauses.length - 1];
  if (pause && pause.to === null) pause.to = at;
}

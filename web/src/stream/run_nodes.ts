import { Entry, endPause, type Outcome } from "./entry";
import type { FactEvent } from "./events";
import { withoutIndices } from "./paths";
import type { Line } from "./run_score";

/** What a step's nodes of one name came to: a row of the step's sheet. */
export interface NodeSum {
  name: string;
  times: number;
  tookMs: number;
  working: number;
  asking: number;
  error: string;
}

const OUTCOMES: Record<string, Outcome> = { failed: "failed", cut_off: "cut" };

/** The nodes of graphs that steps host: entries of lines of their own, under the lines of their steps. */
export class RunNodes {
  readonly entries = new Map<string, Entry>();
  /** After how many nodes of a step's attempt only failures are told of. */
  readonly passedOver = new Map<string, number>();
  #open = new Map<string, Map<string, Entry>>();
  #names = new Map<string, number>();

  /** Takes a fact about a node; gives the entry that began with it, if one did. */
  take(event: FactEvent, step: string, at: number): Entry | null {
    const { data } = event;
    const task = String(data.task ?? "");
    const open = this.#open.get(step) ?? new Map<string, Entry>();
    this.#open.set(step, open);
    const known = open.get(task);
    if (event.name === "NodesPassedOver") {
      this.passedOver.set(step, Number(data.after));
      return null;
    }
    const inside = typeof data.inside === "string" && data.inside ? `${data.inside}/` : "";
    const name = `${inside}${String(data.node ?? "")}`;
    if (event.name === "NodeStarted") {
      if (known?.outcome === "waiting") {
        endPause(known, at);
        known.outcome = "working";
        known.version += 1;
        return null;
      }
      if (known) this.#end(known, "cut", at);
      const begun = this.#enter(step, name, at);
      open.set(task, begun);
      return begun;
    }
    const took = Number(data.took_s ?? 0) * 1000;
    const ended = known ?? this.#enter(step, name, at - took);
    if (data.outcome === "interrupted") {
      endPause(ended, at);
      ended.pauses.push({ kind: "review", label: "asks a person", from: at, to: null, review: null });
      ended.outcome = "waiting";
      ended.version += 1;
      open.set(task, ended);
    } else {
      ended.error = typeof data.error === "string" ? data.error : "";
      if (data.outcome === "failed") ended.marks.push({ at, kind: "failed", label: ended.error });
      this.#end(ended, OUTCOMES[String(data.outcome)] ?? "done", at);
      open.delete(task);
    }
    return known ? null : ended;
  }

  /** A step's attempt is over, and whatever worked in it. */
  endStep(step: string, outcome: Outcome, at: number): void {
    for (const entry of this.#open.get(step)?.values() ?? []) this.#end(entry, outcome === "done" ? "done" : "cut", at);
    this.#open.delete(step);
  }

  /** The process that carried the run out does so no more: what was at work was cut off, what asks goes on asking. */
  interrupt(at: number): void {
    for (const open of this.#open.values()) {
      for (const [task, entry] of open) {
        if (entry.outcome === "waiting") continue;
        this.#end(entry, "cut", at);
        open.delete(task);
      }
    }
  }

  /** The run is over. */
  endAll(outcome: Outcome, at: number): void {
    for (const step of [...this.#open.keys()]) this.endStep(step, outcome, at);
  }

  /** The nodes of a step, each name once, in the order in which they began, as they stood at a time. */
  of(step: string, time: number): NodeSum[] {
    const sums = new Map<string, NodeSum>();
    for (const entry of this.entries.values()) {
      if (entry.node?.step !== step || entry.from > time) continue;
      const { name } = entry.node;
      const sum = sums.get(name) ?? { name, times: 0, tookMs: 0, working: 0, asking: 0, error: "" };
      sums.set(name, sum);
      sum.times += 1;
      sum.tookMs += workedMs(entry, time);
      if (entry.pauses.some((pause) => pause.from <= time && (pause.to === null || pause.to > time))) sum.asking += 1;
      else if (entry.to === null || entry.to > time) sum.working += 1;
      else if (entry.error) sum.error = entry.error;
    }
    return [...sums.values()];
  }

  #enter(step: string, name: string, at: number): Entry {
    const called = `${step} › ${name}`;
    const times = (this.#names.get(called) ?? 0) + 1;
    this.#names.set(called, times);
    const entry = new Entry(times === 1 ? called : `${called} #${times}`, at, { step, name });
    this.entries.set(entry.path, entry);
    return entry;
  }

  #end(entry: Entry, outcome: Outcome, at: number): void {
    endPause(entry, at);
    entry.to = at;
    entry.outcome = outcome;
    entry.version += 1;
  }
}

/** How long a node was at work until a time, its questions left out. */
function workedMs(entry: Entry, time: number): number {
  const until = (at: number | null) => Math.min(at ?? time, time);
  const rests = entry.pauses.map((pause) => Math.max(0, until(pause.to) - pause.from));
  return Math.max(0, until(entry.to) - entry.from - rests.reduce((sum, each) => sum + each, 0));
}

/** The key of the line that a node's entries stand in. */
export function nodeLine(step: string, name: string): string {
  return `${withoutIndices(step)} › ${name}`;
}

/** The step of a line of nodes, or of a node in the flow's graph; a step's own is itself. */
export function stepOf(key: string): string {
  const end = key.indexOf(" › ");
  return end < 0 ? key : key.slice(0, end);
}

/** Where a new line of nodes goes: after the last line of their step and of its other nodes. */
export function placeUnder(lines: readonly Line[], step: string): number {
  const key = withoutIndices(step);
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index] as Line;
    if (line.key === key || line.of === key) return index + 1;
  }
  return lines.length;
}

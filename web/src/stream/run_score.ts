import { Entry, endPause, type Mark, type Outcome, type Pause, writtenFrom } from "./entry";
import type { FactEvent, StreamEvent } from "./events";
import { parents, withoutIndices } from "./paths";
import { nodeLine, placeUnder, RunNodes } from "./run_nodes";

export type RunStatus = "accepted" | "running" | "waiting" | "paused" | "completed" | "failed" | "cancelled";
/** Entries that follow one another: the turns of a loop's step, the segments of a reader. What sounds together has lanes of its own. */
export interface Line {
  key: string;
  lane: number;
  depth: number;
  entries: Entry[];
  /** Of a line of nodes: the key of its step's line. */
  of: string | null;
}

interface Spent {
  at: number;
  costUsd: number;
  input: number;
  output: number;
  simulated: boolean;
}

/** A run as far as its events have told it: a fold with no clock. Events must come in order; those seen before are passed over. */
export class RunScore {
  status: RunStatus = "accepted";
  flow = "";
  startedAt: number | null = null;
  endedAt: number | null = null;
  /** The time of the latest event, ms. */
  clock = 0;
  seq = 0;
  over = false;
  output: unknown = null;
  error = "";
  readonly facts: FactEvent[] = [];
  readonly lines: Line[] = [];
  readonly entries = new Map<string, Entry>();
  readonly nodes = new RunNodes();
  readonly spent: Spent[] = [];
  readonly pausedFrom: number[] = [];
  readonly pausedTo: number[] = [];
  readonly statuses: { at: number; status: RunStatus }[] = [];
  /** Counts what a list of lines shows: new entries, ends, pauses. Text counts at its entry. */
  structure = 0;
  #lines = new Map<string, Line[]>();
  #containers = new Set<string>();
  #counted = new Set<string>();

  take(event: StreamEvent): void {
    switch (event.event) {
      case "fact":
        if (event.seq <= this.seq) return;
        this.seq = event.seq;
        this.#tick(Date.parse(event.at));
        this.facts.push(event);
        this.#fact(event, Date.parse(event.at));
        return;
      case "text":
        this.#tick(Date.parse(event.at));
        this.#write(event.step, event.offset, event.text, Date.parse(event.at));
        return;
      case "retract": {
        if (event.seq > this.seq) this.seq = event.seq;
        const entry = this.entries.get(event.step);
        if (!entry) return;
        entry.struck.push({ from: writtenFrom(entry, event.from_offset), to: this.clock });
        entry.strokes.push({ at: this.clock, from: event.from_offset, reason: event.reason });
        entry.live.retract(event.from_offset, event.reason);
        this.#mark(entry, "retract", event.reason);
        return;
      }
      case "end":
        this.over = true;
        this.#status(event.status, this.clock);
    }
  }

  /** Whether a step holds others, so that it has no line of its own. */
  isContainer(path: string): boolean {
    return this.#containers.has(path);
  }

  /** What was spent until a time. */
  spentAt(time: number): Spent {
    const sum: Spent = { at: time, costUsd: 0, input: 0, output: 0, simulated: false };
    for (const each of this.spent) {
      if (each.at > time) break;
      sum.costUsd += each.costUsd;
      sum.input += each.input;
      sum.output += each.output;
      sum.simulated ||= each.simulated;
    }
    return sum;
  }

  statusAt(time: number): RunStatus {
    let status: RunStatus = "accepted";
    for (const each of this.statuses) {
      if (each.at > time) break;
      status = each.status;
    }
    return status;
  }

  #tick(at: number): void {
    if (at > this.clock) this.clock = at;
  }

  #status(status: RunStatus, at: number): void {
    if (this.status === status && this.statuses.length) return;
    this.status = status;
    this.statuses.push({ at, status });
    this.structure += 1;
  }

  #write(path: string, offset: number, text: string, at: number): void {
    const entry = this.entries.get(path) ?? this.#enter(path, at);
    const before = entry.live.version;
    entry.live.write(offset, text);
    if (entry.live.version === before) return;
    entry.strokes.push({ at, offset, text });
    entry.version += 1;
  }

  #enter(path: string, at: number): Entry {
    const entry = new Entry(path, at);
    this.entries.set(path, entry);
    for (const container of parents(path)) {
      if (!this.#containers.has(container)) this.#dissolve(container);
    }
    if (!this.#containers.has(path)) this.#place(entry);
    this.structure += 1;
    return entry;
  }

  #place(entry: Entry): void {
    const { node } = entry;
    const key = node ? nodeLine(node.step, node.name) : withoutIndices(entry.path);
    let lanes = this.#lines.get(key);
    if (!lanes) {
      lanes = [];
      this.#lines.set(key, lanes);
    }
    const free = lanes.find((lane) => {
      const last = lane.entries[lane.entries.length - 1];
      return !last || (last.to !== null && last.to <= entry.from);
    });
    if (free) {
      free.entries.push(entry);
      return;
    }
    const of = node ? withoutIndices(node.step) : null;
    const depth = (of ?? key).split(".").length - (of === null ? 1 : 0);
    const line: Line = { key, lane: lanes.length, depth, entries: [entry], of };
    const after = lanes[lanes.length - 1];
    lanes.push(line);
    if (after) this.lines.splice(this.lines.indexOf(after) + 1, 0, line);
    else this.lines.splice(node ? placeUnder(this.lines, node.step) : this.lines.length, 0, line);
  }

  /** A step proves to hold others: it has no line of its own. */
  #dissolve(path: string): void {
    this.#containers.add(path);
    const entry = this.entries.get(path);
    if (!entry) return;
    const lanes = this.#lines.get(withoutIndices(path));
    for (const line of lanes ?? []) {
      const at = line.entries.indexOf(entry);
      if (at < 0) continue;
      line.entries.splice(at, 1);
      if (line.entries.length === 0) {
        this.lines.splice(this.lines.indexOf(line), 1);
        lanes?.splice(lanes.indexOf(line), 1);
      }
    }
  }

  #mark(entry: Entry, kind: Mark["kind"], label: string): void {
    entry.marks.push({ at: this.clock, kind, label });
    entry.version += 1;
    this.structure += 1;
  }

  #end(path: string | null, outcome: Outcome, at: number): Entry | undefined {
    const entry = path === null ? undefined : this.entries.get(path);
    if (!entry) return undefined;
    this.nodes.endStep(entry.path, outcome, at);
    endPause(entry, at);
    entry.to = at;
    entry.outcome = outcome;
    entry.version += 1;
    this.structure += 1;
    return entry;
  }

  #pause(entry: Entry, kind: Pause["kind"], label: string, at: number, review: string | null = null): void {
    endPause(entry, at);
    entry.pauses.push({ kind, label, from: at, to: null, review });
    entry.outcome = "waiting";
    entry.to = null;
    entry.version += 1;
    this.structure += 1;
  }

  #goOn(entry: Entry, at: number): void {
    endPause(entry, at);
    entry.outcome = "working";
    entry.version += 1;
    this.structure += 1;
  }

  #spend(path: string, usage: Record<string, unknown>, costUsd: number, at: number): void {
    const input = number(usage.input_tokens);
    const output = number(usage.output_tokens);
    this.spent.push({ at, costUsd, input, output, simulated: usage.simulated === true });
    const entry = this.entries.get(path);
    if (entry) {
      entry.tokens += output;
      entry.costUsd += costUsd;
      entry.version += 1;
    }
  }

  #fact(event: FactEvent, at: number): void {
    const { data } = event;
    const path = event.step;
    const entry = path === null ? undefined : this.entries.get(path);
    const text = (name: string) => (typeof data[name] === "string" ? (data[name] as string) : "");
    switch (event.name) {
      case "RunAccepted":
        this.startedAt = at;
        this.flow = text("flow");
        this.#status("accepted", at);
        return;
      case "RunClaimed":
      case "RunContinued":
      case "RunRetried":
        this.nodes.interrupt(at);
        if (event.name !== "RunClaimed") this.error = "";
        this.endedAt = null;
        this.over = false;
        this.#status("running", at);
        return;
      case "RunRested":
        this.nodes.interrupt(at);
        this.#status(text("status") as RunStatus, at);
        return;
      case "RunPaused":
        this.#status("paused", at);
        return;
      case "RunCompleted":
        this.output = data.output ?? null;
        this.#over("completed", at);
        return;
      case "RunFailed":
        this.error = text("error");
        this.#over("failed", at);
        return;
      case "RunCancelled":
        this.error = text("reason");
        this.#over("cancelled", at);
        return;
    }
    if (path === null) return;
    switch (event.name) {
      case "StepStarted": {
        const begun = entry ?? this.#enter(path, at);
        endPause(begun, at);
        begun.attempt = number(data.attempt) || begun.attempt;
        begun.outcome = "working";
        begun.to = null;
        begun.error = "";
        // An attempt that began with a person's answer goes on with the one before.
        if (begun.attempt - begun.rests > begun.tries) {
          begun.tries = begun.attempt - begun.rests;
          this.#mark(begun, "retry", `attempt ${begun.tries}`);
        }
        begun.version += 1;
        this.structure += 1;
        return;
      }
      case "StepCompleted": {
        const done = this.#end(path, "done", at);
        if (done) done.note = text("note");
        if (!this.#counted.has(path) && data.usage) {
          const usage = data.usage as Record<string, unknown>;
          this.#spend(path, usage, number(usage.cost_usd), at);
        }
        return;
      }
      case "CallDecided": {
        this.#counted.add(path);
        const usage = (data.usage ?? {}) as Record<string, unknown>;
        this.#spend(path, usage, number(data.cost_usd), at);
        if (!entry) return;
        entry.model = text("model") || text("deployment") || entry.model;
        const outcome = text("outcome");
        if (text("cached")) this.#mark(entry, "call", `answered from the cache: ${text("reason")}`);
        else if (outcome !== "admitted") this.#mark(entry, "call", `${outcome}: ${text("reason")}`);
        return;
      }
      case "StepFailed": {
        if (!entry) return;
        entry.error = text("error");
        const again = data.retry_in_s;
        if (typeof again === "number") {
          this.nodes.endStep(path, "failed", at);
          this.#mark(entry, "failed", text("error"));
          this.#pause(entry, "retry", `tries again in ${again.toFixed(1)} s: ${text("error")}`, at);
        } else {
          this.#end(path, "failed", at);
          this.#mark(entry, "failed", text("error"));
        }
        return;
      }
      case "StepDeferred":
        if (entry) {
          this.nodes.endStep(path, "cut", at);
          this.#mark(entry, "deferred", text("reason"));
          this.#pause(entry, "quota", text("reason"), at);
        }
        return;
      case "StepSkipped": {
        const skipped = entry ?? new Entry(path, at);
        this.entries.set(path, skipped);
        skipped.note = text("reason");
        this.#end(path, "skipped", at);
        return;
      }
      case "StepStopped":
        this.#end(path, "stopped", at);
        if (entry) this.#mark(entry, "steer", `stopped by ${text("by")}`);
        return;
      case "StepDropped":
        this.#end(path, "dropped", at);
        return;
      case "StepSteered":
        this.nodes.endStep(path, "cut", at);
        if (entry) this.#mark(entry, "steer", `steered by ${text("by")}: ${text("feedback")}`);
        return;
      case "FeedbackGiven":
        if (entry) this.#mark(entry, "feedback", `feedback${text("by") ? ` by ${text("by")}` : ""}: ${text("text")}`);
        return;
      case "ToolCalled":
        if (entry) this.#mark(entry, "tool", text("error") ? `${text("tool")}: ${text("error")}` : text("tool"));
        return;
      case "NodeStarted":
      case "NodeEnded":
      case "NodesPassedOver": {
        const begun = this.nodes.take(event, path, at);
        if (begun) this.#place(begun);
        this.structure += 1;
        return;
      }
      case "WaitStarted": {
        const waiting = entry ?? this.#enter(path, at);
        const kind = text("wait") as Pause["kind"];
        const label =
          kind === "review"
            ? text("question") || "waits for a person"
            : kind === "event"
              ? `waits for ${text("event")}`
              : "waits";
        this.#pause(waiting, kind, label, at, kind === "review" ? path : null);
        return;
      }
      case "TimerFired":
      case "EventReceived":
        if (entry) this.#goOn(entry, at);
        return;
      case "PersonAsked":
        if (entry) this.#pause(entry, "review", text("text") || "asks a person", at, path);
        return;
      case "StepRested":
        if (entry) entry.rests += 1;
        return;
      case "QuestionDropped":
        if (entry && entry.to === null) this.#goOn(entry, at);
        return;
      case "ReviewDecided":
      case "PersonAnswered":
        if (entry) {
          this.#goOn(entry, at);
          const by = text("by");
          this.#mark(
            entry,
            "verdict",
            `${told(text("verdict"))}${by ? ` by ${by}` : ""}${text("comments") ? `: ${text("comments")}` : ""}`,
          );
        }
        return;
    }
  }

  #over(status: RunStatus, at: number): void {
    this.endedAt = at;
    this.nodes.endAll(status === "completed" ? "done" : "cut", at);
    this.#status(status, at);
    for (const entry of this.entries.values()) {
      if (entry.to !== null) continue;
      endPause(entry, at);
      entry.to = at;
      entry.outcome = status === "completed" ? "done" : "cut";
      entry.version += 1;
    }
  }
}

function told(verdict: string): string {
  if (verdict === "approve") return "approved";
  if (verdict === "reject") return "rejected";
  return verdict === "changes" ? "given back" : verdict;
}

function number(value: unknown): number {
  const read = typeof value === "string" ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : 0;
}

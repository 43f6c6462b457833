import type { Problem } from "@/api/problem";
import type { StreamEvent } from "@/stream/events";
import { type Follower, follow, type Link } from "@/stream/follow";
import { RunScore } from "@/stream/run_score";
import { Scale, scaleOf } from "./scale";

/** What need not move with every frame is painted this often. */
export const SLOWLY_MS = 100;
export const SPEEDS = [1, 2, 4, 8, 16] as const;

/**
 * A run that is watched: its score, the connection, and where in time the view stands. Views repaint once a frame at most,
 * however many tokens came; what shows structure re-renders only when that has changed.
 */
export class ScoreStore implements Follower {
  readonly score = new RunScore();
  link: Link = "connecting";
  problem: Problem | null = null;
  /** Since when `link` is so, ms by this browser's clock. */
  linkedAt = 0;
  /** The time that is shown, ms; null: what is happening. */
  cursor: number | null = null;
  /** How many times as fast as it was a replay goes; 0: it stands. */
  speed = 0;
  scale = new Scale(0);
  /** Changes whenever structure, link or place have: a snapshot for `useSyncExternalStore`. */
  revision = 0;
  readonly #painters = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  #frame = 0;
  #seen = -1;
  #skew: number | null = null;
  #lastFrame = 0;
  #stop: (() => void) | null = null;
  #runId = "";
  #last: string | null = null;
  #asked = "";

  /** Begins to follow a run. Returns what ends it. */
  open(runId: string, over: boolean): () => void {
    this.#runId = runId;
    this.#stop = follow(runId, this, over ? "replay?speed=0" : "stream");
    return () => {
      this.#stop?.();
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
    };
  }

  /** Follows a run on that was over: it was resumed, or tried again. `changed`: when the run was last changed, asked about once. */
  again(changed: string): void {
    if (this.link !== "over" || changed === this.#asked) return;
    this.#asked = changed;
    this.#stop = follow(this.#runId, this, "stream", this.#last);
  }

  onEvents(events: StreamEvent[]): void {
    for (const event of events) this.score.take(event);
    this.#last = events[events.length - 1]?.id ?? this.#last;
    if (this.score.clock) {
      const skew = this.score.clock - Date.now();
      this.#skew = this.#skew === null ? skew : Math.max(skew, this.#skew);
    }
    this.#ask();
  }

  onLink(link: Link, problem: Problem | null): void {
    this.link = link;
    this.linkedAt = Date.now();
    this.problem = problem;
    this.#tell();
    this.#ask();
  }

  /** The latest time there is: the run's end, or now by the server's clock. */
  get latest(): number {
    const { score } = this;
    if (score.endedAt !== null) return score.endedAt;
    if (this.link === "lost" || this.#skew === null) return score.clock;
    return Math.max(score.clock, Date.now() + this.#skew);
  }

  /** The time that is shown. */
  get shown(): number {
    return this.cursor ?? this.latest;
  }

  /** Goes to a time; the latest one means to go along with what happens. */
  go(time: number | null): void {
    const live = time === null || time >= this.latest;
    this.cursor = live ? null : Math.max(time, this.scale.start);
    if (live) this.speed = 0;
    this.#tell();
    this.#ask();
  }

  /** Plays from where it stands, or from the beginning when it stands at the end. */
  play(speed: number): void {
    if (speed && this.cursor === null) this.cursor = this.scale.start;
    this.speed = speed;
    this.#lastFrame = performance.now();
    this.#tell();
    this.#ask();
  }

  /** Calls a painter once a frame while something moves, or at most every `everyMs`. */
  paintWith(paint: () => void, everyMs = 0): () => void {
    let last = Number.NEGATIVE_INFINITY;
    let late: ReturnType<typeof setTimeout> | undefined;
    const painter =
      everyMs === 0
        ? paint
        : () => {
            const left = last + everyMs - performance.now();
            if (left <= 0) {
              last = performance.now();
              paint();
            } else {
              late ??= setTimeout(() => {
                late = undefined;
                last = performance.now();
                paint();
              }, left);
            }
          };
    this.#painters.add(painter);
    this.#ask();
    return () => {
      clearTimeout(late);
      this.#painters.delete(painter);
    };
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly snapshot = (): number => this.revision;

  #tell(): void {
    this.revision += 1;
    for (const watcher of this.#watchers) watcher();
  }

  #ask(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#paint);
  }

  readonly #paint = (): void => {
    this.#frame = 0;
    const now = performance.now();
    if (this.speed > 0 && this.cursor !== null) {
      const drawn = this.scale.drawn(this.cursor) + (now - this.#lastFrame) * this.speed;
      this.cursor = this.scale.time(drawn);
      if (this.cursor >= this.latest) {
        this.cursor = null;
        this.speed = 0;
        this.#tell();
      }
    }
    this.#lastFrame = now;
    if (this.score.structure !== this.#seen) {
      this.#seen = this.score.structure;
      this.scale = scaleOf(this.score.startedAt ?? this.score.clock, this.score.entries.values(), this.latest);
      this.#tell();
    }
    for (const painter of this.#painters) painter();
    const moves = this.speed > 0 || (this.cursor === null && this.score.status === "running" && this.link === "live");
    if (moves) this.#ask();
  };
}

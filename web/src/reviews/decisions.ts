import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useMemo, useSyncExternalStore } from "react";
import { api, body, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { say } from "@/ui/toasts";
import { type Detail, ifSeen, type Left, refresh, type Verdict } from "./data";
import { HeldBack } from "./held_back";

export const UNDO_MS = 5_000;
const MOST_REMEMBERED = 5_000;

/** Something that is being written about a review, so that it can be taken up again after an undo or a failure. */
export interface Work {
  id: string;
  mode: "edit" | "reject" | "changes";
  text: string;
  comments: string;
  /** Whether beginning it claimed the review, so that stopping gives it back. */
  took: boolean;
}

/** A decision of the page on its way. `key`: sent twice it counts once. */
export type Decision = { key: string; told: string } & (
  | {
      kind: "one";
      id: string;
      version: number;
      verdict: Verdict;
      comments: string;
      edit?: { value: unknown };
      work: Work | null;
    }
  | { kind: "many"; ids: string[]; verdict: "approve" | "reject"; comments: string }
);

/** What the page sees of the decisions that it has made. */
export interface Desk {
  /** Not in the list any more: being decided, or decided from here. */
  gone: ReadonlySet<string>;
  left: readonly Left[];
  /** What is to be taken up again. */
  back: { why: "undone" | "failed"; ids: readonly string[]; work: Work | null } | null;
}

/** The decisions that are made in this tab: holds them back, sends them, and knows what became of them. */
export class Decisions {
  readonly #queries: QueryClient;
  readonly #held: HeldBack<Decision>;
  readonly #closers = new Map<string, () => void>();
  readonly #versions = new Map<string, number>();
  readonly #claims = new Map<string, Promise<unknown>>();
  readonly #watchers = new Set<() => void>();
  #decided: string[] = [];
  desk: Desk = { gone: new Set(), left: [], back: null };

  constructor(queries: QueryClient) {
    this.#queries = queries;
    this.#held = new HeldBack<Decision>({
      send: (decision, outlives) => this.#send(decision, outlives),
      failed: (decision, error) => this.#failed(decision, error),
      changed: () => this.#show({}),
      bytesOf: (decision) => new Blob([JSON.stringify(bodyOf(decision))]).size,
      delayMs: UNDO_MS,
    });
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Holds a decision back for five seconds, and says so with a way to take it back. */
  hold(decision: Decision): void {
    this.#show({ back: null });
    const number = this.#held.hold(decision);
    if (number === null) {
      say(`${decision.told} It is too long to be held back, so it was sent at once.`);
      return;
    }
    const action = { label: "Undo", run: () => this.#takenBack(this.#held.undo(number)) };
    this.#closers.set(decision.key, say(decision.told, { forMs: UNDO_MS, action }));
  }

  /** Takes the latest back that is still held. */
  undo(): void {
    this.#takenBack(this.#held.undo());
  }

  /** Sends what is held, now. */
  readonly flush = (): void => this.#held.flush();

  /** Sends what is held while the page closes. */
  readonly close = (): void => this.#held.flush(true);

  /** Notes what a change of one's own made of a version that one has seen, so that it does not count as somebody else's. */
  changed(seen: number, review: { id: string; version: number }): void {
    this.#versions.set(`${review.id} ${seen}`, review.version);
    if (this.#versions.size > MOST_REMEMBERED) this.#versions.clear();
    refresh(this.#queries);
  }

  /** Remembers that a claim is under way, which a decision on the same review waits for. */
  claiming(id: string, claim: Promise<unknown>): void {
    const done = claim.then(
      () => undefined,
      () => undefined,
    );
    this.#claims.set(id, done);
    void done.then(() => this.#claims.delete(id));
  }

  /** What was left is read; what came back was taken up. */
  readonly forget = (what: "left" | "back"): void => this.#show(what === "left" ? { left: [] } : { back: null });

  #takenBack(decision: Decision | null): void {
    if (!decision) {
      say("There is nothing to take back: five seconds after a decision it is sent.");
      return;
    }
    this.#closers.get(decision.key)?.();
    this.#closers.delete(decision.key);
    this.#show({ back: { why: "undone", ids: idsOf(decision), work: decision.kind === "one" ? decision.work : null } });
    say("Taken back.", { forMs: 2_000 });
  }

  async #send(decision: Decision, outlives: boolean): Promise<void> {
    this.#closers.get(decision.key)?.();
    this.#closers.delete(decision.key);
    if (decision.kind === "many") {
      const done = await body(
        api.POST("/v1/reviews/bulk", {
          params: { header: { "idempotency-key": decision.key } },
          body: { reviews: decision.ids, verdict: decision.verdict, comments: decision.comments },
          keepalive: outlives,
        }),
      );
      this.#over(done.done);
      if (done.left.length > 0) this.#show({ left: done.left });
      return;
    }
    const claim = this.#claims.get(decision.id);
    if (claim) await claim;
    const answer = await body(
      api.POST("/v1/reviews/{review_id}/decision", {
        params: {
          path: { review_id: decision.id },
          header: { "idempotency-key": decision.key, ...ifSeen(this.#version(decision.id, decision.version)) },
        },
        body: bodyOf(decision) as Schemas["NewDecision"],
        keepalive: outlives,
      }),
    );
    if (answer.state !== "open") this.#over([answer.id]);
    this.#queries.setQueryData<Detail>(["reviews", "item", answer.id], answer);
  }

  #version(id: string, seen: number): number {
    let version = seen;
    for (let next = this.#versions.get(`${id} ${version}`); next && next > version; ) {
      version = next;
      next = this.#versions.get(`${id} ${version}`);
    }
    return version;
  }

  #failed(decision: Decision, error: unknown): void {
    const problem = asProblem(error);
    const told = problem.status === 412 ? "It has changed since you looked at it. Look at it again." : problem.detail;
    say(`Not decided. ${told || problem.title}`, { tone: "bad", forMs: 10_000 });
    if (decision.kind === "one" && decision.work)
      this.#show({ back: { why: "failed", ids: [decision.id], work: decision.work } });
    refresh(this.#queries);
  }

  #over(ids: readonly string[]): void {
    this.#decided = [...this.#decided, ...ids].slice(-MOST_REMEMBERED);
    void this.#queries.invalidateQueries({ queryKey: ["reviews", "figures"] });
  }

  #show(change: Partial<Desk>): void {
    const gone = new Set([...this.#decided, ...this.#held.going.flatMap(idsOf)]);
    this.desk = { ...this.desk, ...change, gone };
    for (const watcher of this.#watchers) watcher();
  }
}

function idsOf(decision: Decision): string[] {
  return decision.kind === "one" ? [decision.id] : decision.ids;
}

function bodyOf(decision: Decision): unknown {
  const { verdict, comments } = decision;
  if (decision.kind === "many") return { reviews: decision.ids, verdict, comments };
  return { verdict, comments, ...(decision.edit ? { value: decision.edit.value } : {}) };
}

const all = new WeakMap<QueryClient, Decisions>();

/** The tab's decisions. What is held is sent when the tab is hidden or closed. */
export function decisionsOf(queries: QueryClient): Decisions {
  let decisions = all.get(queries);
  if (!decisions) {
    decisions = new Decisions(queries);
    const { close } = decisions;
    addEventListener("pagehide", close);
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && close());
    all.set(queries, decisions);
  }
  return decisions;
}

/** The tab's decisions, and what the page sees of them. */
export function useDecisions(): [Decisions, Desk] {
  const queries = useQueryClient();
  const decisions = useMemo(() => decisionsOf(queries), [queries]);
  return [decisions, useSyncExternalStore(decisions.watch, () => decisions.desk)];
}

import { accessHeaders } from "@/api/access";
import { asProblem, Problem, problemOf } from "@/api/problem";
import type { StreamEvent } from "./events";
import { SseReader } from "./sse";

export type Link = "connecting" | "live" | "lost" | "over" | "refused";

export interface Follower {
  /** Events in order, none twice, as many as came at once. */
  onEvents(events: StreamEvent[]): void;
  onLink(link: Link, problem: Problem | null): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const SILENT_MS = 35_000; // the server says `: still here` every 15 s at least

/**
 * Follows a run's stream until it ends, coming back by the last event's id as often as the connection breaks.
 * Returns what stops it. `path` is `stream`, or `replay?speed=0` to have a past run at once with each token at its time.
 * `after` is the id of the last event that is known already.
 */
export function follow(runId: string, follower: Follower, path = "stream", after: string | null = null): () => void {
  const stopped = new AbortController();
  void run(runId, follower, path, after, stopped.signal);
  return () => stopped.abort();
}

async function run(
  runId: string,
  follower: Follower,
  path: string,
  after: string | null,
  stopped: AbortSignal,
): Promise<void> {
  let last = after;
  let pause = FIRST_PAUSE_MS;
  let route = path;
  follower.onLink("connecting", null);
  while (!stopped.aborted) {
    let problem: Problem | null = null;
    try {
      for await (const events of connection(runId, route, last, stopped)) {
        if (stopped.aborted) return;
        if (events.length === 0) {
          follower.onLink("live", null);
          continue;
        }
        pause = FIRST_PAUSE_MS;
        last = events[events.length - 1]?.id ?? last;
        follower.onEvents(events);
        if (events.some((event) => event.event === "end")) {
          follower.onLink("over", null);
          return;
        }
      }
      route = "stream"; // a replay of a run that goes on is over; what comes now is live
      if (path !== "stream") continue;
    } catch (thrown) {
      problem = asProblem(thrown);
      if (stopped.aborted) return;
      if (!problem.passes) {
        follower.onLink("refused", problem);
        return;
      }
    }
    follower.onLink("lost", problem);
    await sleep(Math.max(pause, (problem?.retryAfterSeconds ?? 0) * 1000), stopped);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** One connection's events; an empty list first, once it is open. */
async function* connection(
  runId: string,
  route: string,
  last: string | null,
  stopped: AbortSignal,
): AsyncGenerator<StreamEvent[]> {
  const silent = new AbortController();
  const signal = AbortSignal.any([stopped, silent.signal]);
  const response = await fetch(`/v1/runs/${runId}/${route}`, {
    headers: { ...accessHeaders(), accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) },
    cache: "no-store",
    signal,
  });
  if (!response.ok || !response.body) throw await problemOf(response);
  yield [];
  const reader = new SseReader();
  const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(new TypeError("silent")), SILENT_MS);
  };
  try {
    for (;;) {
      listen();
      const { done, value } = await chunks.read();
      if (done) return;
      const events: StreamEvent[] = [];
      for (const message of reader.read(value)) {
        if (message.event === "error") throw refusal(message.data);
        events.push({ ...JSON.parse(message.data), event: message.event, id: message.id });
      }
      if (events.length) yield events;
    }
  } finally {
    clearTimeout(timer);
    void chunks.cancel().catch(() => undefined);
  }
}

function refusal(data: string): Problem {
  const { status, title, detail, type } = JSON.parse(data);
  return new Problem(status, title, detail, type);
}

function sleep(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const wake = () => {
      clearTimeout(timer);
      resolve();
    };
    stopped.addEventListener("abort", wake, { once: true });
  });
}

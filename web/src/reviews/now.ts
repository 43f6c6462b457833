import { useSyncExternalStore } from "react";
import { serverNow } from "@/api/server_clock";

const watchers = new Set<() => void>();
let now = serverNow();
let timer: ReturnType<typeof setInterval> | null = null;

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  if (timer === null) {
    now = serverNow();
    timer = setInterval(() => {
      now = serverNow();
      for (const each of watchers) each();
    }, 1_000);
  }
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

/** The server's time, which moves on every second: one clock for all that count down. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

const wide = "(min-width: 64rem)";

/** Whether list and item stand side by side. */
export function useWide(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      const query = matchMedia(wide);
      query.addEventListener("change", watcher);
      return () => query.removeEventListener("change", watcher);
    },
    () => matchMedia(wide).matches,
  );
}

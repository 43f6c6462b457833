import { useCallback, useSyncExternalStore } from "react";
import type { Work } from "./decisions";

/** What is being written, by review: moving on to another one, or to another page, loses nothing. */
export interface Drafts {
  of: (id: string | null) => Work | null;
  put: (work: Work) => void;
  drop: (ids: readonly string[]) => void;
}

// Kept for as long as the tab is open, each under the name of who writes it: another one who logs in does not see it.
let works: ReadonlyMap<string, Work> = new Map();
const watchers = new Set<() => void>();

function change(now: ReadonlyMap<string, Work>): void {
  works = now;
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** The drafts of one person in this tab. */
export function useDrafts(me: string): Drafts {
  const all = useSyncExternalStore(watch, () => works);
  const put = useCallback((work: Work) => change(new Map(works).set(`${me} ${work.id}`, work)), [me]);
  const drop = useCallback(
    (ids: readonly string[]) => {
      const gone = new Set(ids.map((id) => `${me} ${id}`));
      change(new Map([...works].filter(([key]) => !gone.has(key))));
    },
    [me],
  );
  return { of: (id) => (id === null ? null : (all.get(`${me} ${id}`) ?? null)), put, drop };
}

import { useCallback, useState } from "react";
import type { Work } from "./decisions";

/** What is being written, by review: moving on to another one loses nothing. */
export interface Drafts {
  of: (id: string | null) => Work | null;
  put: (work: Work) => void;
  drop: (ids: readonly string[]) => void;
}

export function useDrafts(): Drafts {
  const [works, setWorks] = useState<ReadonlyMap<string, Work>>(new Map());
  const put = useCallback((work: Work) => setWorks((now) => new Map(now).set(work.id, work)), []);
  const drop = useCallback(
    (ids: readonly string[]) => setWorks((now) => new Map([...now].filter(([id]) => !ids.includes(id)))),
    [],
  );
  return { of: (id) => (id === null ? null : (works.get(id) ?? null)), put, drop };
}

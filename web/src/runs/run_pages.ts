import type { Schemas } from "@/api/client";

export type Run = Schemas["RunSummary"];
export type RunPage = Schemas["RunList"];
export type Order = "latest" | "oldest";

/** Pages as they were loaded one after the other, each with the cursor that it was asked for by. */
export interface RunPages {
  pages: RunPage[];
  pageParams: (string | null)[];
}

/** So many runs the server gives at once. */
export const MOST_RUNS = 200;

/** How many runs to ask for to see a page anew: those that it had, and one more, which tells that it is whole. */
export function enough(page: RunPage | undefined, usual: number): number {
  return Math.min(MOST_RUNS, Math.max(usual, page?.runs.length ?? 0) + 1);
}

/**
 * The pages with one of them as it is now. Each holds the runs from its cursor on to where the next page begins, so that nothing
 * is shown twice and nothing is left out, whatever comes or goes. Pages after a place where that is not known are dropped; they
 * are loaded again by whoever scrolls there.
 */
export function withFresh(old: RunPages, at: number, fresh: RunPage, order: Order): RunPages {
  const before = old.pages[at];
  const last = fresh.runs[fresh.runs.length - 1];
  if (!before || !last || fresh.next === null) return upTo(old, at, fresh);
  const isAfter = (one: Run, other: Run) => (order === "latest" ? one.id < other.id : one.id > other.id);
  const first = before.runs[0];
  if (first && isAfter(first, last)) return upTo(old, at, fresh); // who knows what stands between them?

  const following = old.pages.slice(at + 1).find((page) => page.runs.length > 0)?.runs[0];
  const own = following ? fresh.runs.filter((run) => isAfter(following, run)) : fresh.runs;
  const rest = before.runs.filter((run) => isAfter(run, last));
  const isWhole = own.length < fresh.runs.length || rest.length > 0 || before.runs.some((run) => run.id === last.id);
  if (own.length >= MOST_RUNS || !(following ? isWhole : rest.length > 0)) return upTo(old, at, fresh);
  const page = { runs: [...own, ...rest], next: before.next };
  return following ? { ...old, pages: old.pages.with(at, page) } : upTo(old, at, page);
}

function upTo(old: RunPages, at: number, page: RunPage): RunPages {
  return { pages: [...old.pages.slice(0, at), page], pageParams: old.pageParams.slice(0, at + 1) };
}

/** Which pages hold the rows from one to another. */
export function pagesOf(pages: readonly RunPage[], first: number, last: number): number[] {
  const found: number[] = [];
  let begins = 0;
  for (const [index, page] of pages.entries()) {
    const end = begins + page.runs.length;
    if (begins <= last && (end > first || (page.runs.length === 0 && begins >= first))) found.push(index);
    begins = end;
  }
  return found;
}

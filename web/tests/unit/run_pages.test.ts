import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  enough,
  MOST_RUNS,
  type Order,
  pagesOf,
  type Run,
  type RunPage,
  type RunPages,
  withFresh,
} from "@/runs/run_pages";

const PAGE = 10;
const id = (number: number) => number.toString(16).padStart(8, "0");
const ids = ({ pages }: RunPages) => pages.flatMap((page) => page.runs.map((run) => run.id));

/** Runs as the server has them; a cursor is the id of the last run before it. */
class Served {
  private next = 0;
  private runs: { id: string; status: string }[] = [];

  add(many: number): void {
    for (let each = 0; each < many; each++) this.runs.push({ id: id(this.next++), status: "running" });
  }
  remove(place: number): void {
    this.runs.splice(place % Math.max(1, this.runs.length), 1);
  }
  end(place: number): void {
    const run = this.runs[place % Math.max(1, this.runs.length)];
    if (run) run.status = "completed";
  }
  list(order: Order): { id: string; status: string }[] {
    return order === "latest" ? [...this.runs].reverse() : [...this.runs];
  }
  page(order: Order, cursor: string | null, limit: number): RunPage {
    const all = this.list(order);
    const begin =
      cursor === null ? 0 : all.findIndex((run) => (order === "latest" ? run.id < cursor : run.id > cursor));
    const found = begin < 0 ? [] : all.slice(begin, begin + limit + 1).map((run) => ({ ...run }));
    const runs = found.slice(0, limit) as unknown as Run[];
    return { runs, next: found.length > limit ? (runs[limit - 1]?.id ?? null) : null };
  }
}

function loadMore(known: RunPages, server: Served, order: Order): RunPages {
  const cursor = known.pages.length === 0 ? null : (known.pages[known.pages.length - 1]?.next ?? null);
  if (known.pages.length > 0 && cursor === null) return known;
  return {
    pages: [...known.pages, server.page(order, cursor, PAGE)],
    pageParams: [...known.pageParams, cursor],
  };
}

function look(known: RunPages, at: number, server: Served, order: Order): RunPages {
  return withFresh(known, at, server.page(order, known.pageParams[at] ?? null, enough(known.pages[at], PAGE)), order);
}

const step = fc.oneof(
  fc.record({ does: fc.constant("add" as const), n: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ does: fc.constant("add" as const), n: fc.integer({ min: 150, max: 500 }) }),
  fc.record({
    does: fc.constantFrom("remove" as const, "end" as const, "more" as const, "look" as const),
    n: fc.nat(400),
  }),
);

describe("the list of runs", () => {
  test("whatever comes and goes, nothing stands there twice or out of order, and what is looked at is true", () => {
    fc.assert(
      fc.property(fc.constantFrom<Order>("latest", "oldest"), fc.array(step, { maxLength: 40 }), (order, steps) => {
        const server = new Served();
        server.add(25);
        let known = loadMore({ pages: [], pageParams: [] }, server, order);
        for (const { does, n } of steps) {
          if (does === "add") server.add(n);
          if (does === "remove") server.remove(n);
          if (does === "end") server.end(n);
          if (does === "more") known = loadMore(known, server, order);
          if (does === "look") known = look(known, n % known.pages.length, server, order);
          expect(known.pageParams.length).toBe(known.pages.length);
          const seen = ids(known);
          const sorted = [...new Set(seen)].sort();
          expect(seen).toEqual(order === "latest" ? sorted.reverse() : sorted);
        }
        // Looked at from the beginning to the end, it is what the server has.
        for (let at = 0; at < known.pages.length; at++) {
          known = look(known, at, server, order);
          if (at === known.pages.length - 1) known = loadMore(known, server, order);
        }
        for (let at = 0; at < known.pages.length; at++) known = look(known, at, server, order);
        const shown = known.pages.flatMap((page) => page.runs.map((run) => ({ id: run.id, status: run.status })));
        expect(shown).toEqual(server.list(order));
      }),
      { numRuns: 300 },
    );
  });

  test("a page that has grown is asked for as a whole, up to what the server gives at once", () => {
    expect(enough(undefined, 100)).toBe(101);
    expect(enough({ runs: Array.from({ length: 150 }) as Run[], next: null }, 100)).toBe(151);
    expect(enough({ runs: Array.from({ length: 500 }) as Run[], next: null }, 100)).toBe(MOST_RUNS);
  });

  test("the pages in sight are those of the rows", () => {
    const pages = [3, 0, 2, 4].map((many) => ({ runs: Array.from({ length: many }) as Run[], next: null }));
    expect(pagesOf(pages, 0, 1)).toEqual([0]);
    expect(pagesOf(pages, 2, 4)).toEqual([0, 1, 2]);
    expect(pagesOf(pages, 5, 8)).toEqual([3]);
    expect(pagesOf([{ runs: [], next: null }], 0, 0)).toEqual([0]);
  });
});

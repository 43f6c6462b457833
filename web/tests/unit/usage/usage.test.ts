import fc from "fast-check";
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { outlook, paceOf, paceTold } from "@/usage/pace";
import { answered, discounted } from "@/usage/savings";
import { daysBetween, firstDay, MOST_SERIES, OTHERS, seriesOf, stacked, sum, type UsageItem } from "@/usage/series";

const NOON = new Date("2026-03-10T12:00Z");
const DAYS = daysBetween("2026-02-27", "2026-03-02");

function row(keys: UsageItem["keys"], over: Partial<UsageItem> = {}): UsageItem {
  return {
    keys,
    calls: 1,
    failed: 0,
    cancelled: 0,
    not_made: 0,
    cached: 0,
    estimated: 0,
    simulated_calls: 0,
    simulated: "no",
    tokens: { input: 10, cached_input: 2, cache_write: 1, output: 5, reasoning: 3 },
    cost_usd: "0.5",
    ttft_p50_s: null,
    ttft_p95_s: null,
    duration_p50_s: null,
    duration_p95_s: null,
    ...over,
  };
}

test("days have no gap, over the end of a month", () => {
  expect(DAYS).toEqual(["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]);
  expect(firstDay(1, NOON)).toBe("2026-03-10");
  expect(firstDay(30, NOON)).toBe("2026-02-09");
});

test("a series has a value for each day, and what has no name is none", () => {
  const rows = [row({ day: "2026-02-28", model: "a" }), row({ day: "2026-03-02", model: null }, { cost_usd: "2" })];
  expect(seriesOf(rows, "model", "cost", DAYS).series).toEqual([
    { name: "none", values: [0, 0, 0, 2] },
    { name: "a", values: [0, 0.5, 0, 0] },
  ]);
  expect(seriesOf(rows, "day", "tokens", DAYS).series).toEqual([{ name: "all", values: [0, 18, 0, 18] }]);
});

test("nothing is lost by putting small series together or by stacking", () => {
  const item = fc.record({ day: fc.constantFrom(...DAYS), model: fc.nat(20).map(String), calls: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(item), (items) => {
      const rows = items.map(({ day, model, calls }) => row({ day, model }, { calls }));
      const { series } = seriesOf(rows, "model", "calls", DAYS);
      expect(series.length).toBeLessThanOrEqual(MOST_SERIES);
      expect(sum(series.flatMap((each) => each.values))).toBe(sum(items.map((each) => each.calls)));
      const ends = stacked(series);
      for (const [index, day] of DAYS.entries()) {
        const all = sum(items.filter((each) => each.day === day).map((each) => each.calls));
        expect(ends[ends.length - 1]?.[index] ?? 0).toBe(all);
      }
      const names = new Set(items.map((each) => each.model));
      expect(series.some((each) => each.name === OTHERS)).toBe(names.size > MOST_SERIES);
    }),
  );
});

test("a pace is the mean of whole days since the first spending; today does not count", () => {
  const costs = new Map([
    ["2026-03-10", 100],
    ["2026-03-08", 3],
    ["2026-03-09", 1],
    ["2026-03-02", 50],
  ]);
  expect(paceOf(costs, NOON)).toEqual({ perDayUsd: 2, days: 2 });
  expect(paceOf(new Map([["2026-03-03", 7]]), NOON)).toEqual({ perDayUsd: 1, days: 7 });
  expect(paceOf(new Map([["2026-03-10", 7]]), NOON)).toBeNull();
  expect(paceTold(null, String)).toContain("no pace");
});

test("a budget runs out at its pace, or lasts until the month is over", () => {
  const pace = { perDayUsd: 2, days: 7 };
  expect(outlook(0, pace, NOON)).toEqual({ kind: "spent" });
  expect(outlook(5, null, NOON)).toEqual({ kind: "no pace" });
  expect(outlook(5, pace, NOON)).toEqual({ kind: "runs out", at: new Date("2026-03-13T00:00Z") });
  expect(outlook(42.9, pace, NOON)).toMatchObject({ kind: "runs out" });
  expect(outlook(43, pace, NOON)).toEqual({ kind: "lasts" });
  expect(outlook(1e300, { perDayUsd: 1e-9, days: 7 }, NOON)).toEqual({ kind: "lasts" });
});

test("savings: cached answers at the mean cost of made calls; cached input at what it costs less", () => {
  const rows = [
    row({ route: "fast" }, { calls: 10, not_made: 6, cached: 5, cost_usd: "2" }),
    row({ route: "code" }, { calls: 3, not_made: 3, cached: 3, cost_usd: "0" }),
    row({ route: "none" }),
  ];
  expect(answered(rows)).toEqual([
    { route: "fast", cached: 5, made: 4, savedUsd: 2.5 },
    { route: "code", cached: 3, made: 0, savedUsd: null },
  ]);
  const tokens = { input: 1_000_000, cached_input: 3_000_000, cache_write: 0, output: 5, reasoning: 0 };
  const price = { input_usd: "1", cached_input_usd: "0.1", output_usd: "5" };
  const listed = [{ name: "small", price } as Schemas["DeploymentListed"]];
  const found = discounted([row({ deployment: "small" }, { tokens }), row({ deployment: "gone" }, { tokens })], listed);
  expect(found.map((each) => each.share)).toEqual([0.75, 0.75]);
  expect(found[0]?.savedUsd).toBeCloseTo(2.7, 9);
  expect(found[1]?.savedUsd).toBeNull();
});

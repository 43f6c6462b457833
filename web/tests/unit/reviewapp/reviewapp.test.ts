import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { questionOf, readAsked, writtenAsked } from "../../../src/reviewapp/asked";
import { bucketsOf, type Day, startOf } from "../../../src/reviewapp/buckets";
import { sentimentColour, sentimentWord, share } from "../../../src/reviewapp/colours";
import { compared } from "../../../src/reviewapp/compared";
import { beginning, excerpt, markedParts, sentencesOf } from "../../../src/reviewapp/marked";
import {
  fitted,
  graticule,
  latitudeOf,
  moved,
  nearest,
  onScreen,
  outline,
  project,
  zoomed,
} from "../../../src/reviewapp/projection";
import { sparkline } from "../../../src/reviewapp/sparkline";

const SIZE = { width: 800, height: 480 };

describe("the map", () => {
  test("a latitude comes back from the plane", () => {
    fc.assert(
      fc.property(fc.double({ min: -84, max: 84, noNaN: true }), (latitude) => {
        expect(latitudeOf(project(latitude, 0).y)).toBeCloseTo(latitude, 6);
      }),
    );
    expect(project(50, 0).y).toBeLessThan(project(40, 0).y); // north is up
    expect(project(90, 0).y).toBe(project(85, 0).y); // the poles are not infinitely far
  });

  test("a cell across the date line stays in one piece", () => {
    const xs = outline(
      [
        [1, 179.9],
        [1, -179.9],
        [-1, -179.8],
      ],
      179.95,
    ).map((point) => point.x);
    expect(Math.max(...xs) - Math.min(...xs)).toBeLessThan(1);
  });

  test("a fitted view has all points in the picture", () => {
    const place = fc.tuple(
      fc.double({ min: -80, max: 80, noNaN: true }),
      fc.double({ min: -179, max: 179, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 20 }), (places) => {
        const points = places.map(([latitude, longitude]) => project(latitude, longitude));
        const view = fitted(points, SIZE);
        for (const point of points) {
          const { x, y } = onScreen(nearest(point, view), view, SIZE);
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(SIZE.width);
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y).toBeLessThanOrEqual(SIZE.height);
        }
      }),
    );
  });

  test("what is under the pointer stays there when the map comes closer", () => {
    const view = { x: 10, y: -50, scale: 30 };
    const at = { x: 123, y: 77 };
    const under = { x: view.x + (at.x - 400) / 30, y: view.y + (at.y - 240) / 30 };
    const seen = onScreen(under, zoomed(view, 2.5, at, SIZE), SIZE);
    expect(seen.x).toBeCloseTo(at.x, 6);
    expect(seen.y).toBeCloseTo(at.y, 6);
  });

  test("dragging to the right looks further west", () => {
    expect(moved({ x: 10, y: 0, scale: 10 }, 50, 0).x).toBe(5);
  });

  test("the graticule has few lines at every distance, all in sight", () => {
    for (const scale of [1, 3, 30, 300, 3_000, 20_000]) {
      const { step, longitudes } = graticule({ x: 9, y: -50, scale }, SIZE);
      expect(longitudes.length).toBeGreaterThan(0);
      expect(longitudes.length).toBeLessThan(60);
      for (const each of longitudes) expect(Math.abs(each / step - Math.round(each / step))).toBeLessThan(1e-3);
    }
  });
});

const day = (at: string, reviews: number, sentiment: number | null): Day => ({
  day: at,
  reviews,
  sentiment,
  rating: null,
  positive: 0,
  negative: 0,
});

describe("buckets", () => {
  test("weeks begin on Monday, months on the first", () => {
    expect(startOf("2026-11-22", "week")).toBe("2026-11-16"); // a Sunday
    expect(startOf("2026-11-23", "week")).toBe("2026-11-23");
    expect(startOf("2026-11-23", "month")).toBe("2026-11-01");
    expect(startOf("2026-01-01", "week")).toBe("2025-12-29");
  });

  test("means are weighed, and nothing is missing in between", () => {
    const found = bucketsOf([day("2026-01-05", 3, 4), day("2026-01-06", 1, 2), day("2026-01-20", 2, null)], "week");
    expect(found.map((each) => each.start)).toEqual(["2026-01-05", "2026-01-12", "2026-01-19"]);
    expect(found.map((each) => each.reviews)).toEqual([4, 0, 2]);
    expect(found.map((each) => each.sentiment)).toEqual([3.5, null, null]);
    expect(bucketsOf([], "day")).toEqual([]);
  });

  test("no review is lost, whatever the width", () => {
    const days = fc.uniqueArray(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(days, fc.constantFrom("day" as const, "week" as const, "month" as const), (offsets, width) => {
        const all = offsets.map((each) => day(new Date(Date.UTC(2024, 0, 1 + each)).toISOString().slice(0, 10), 2, 3));
        const sum = bucketsOf(all, width).reduce((total, each) => total + each.reviews, 0);
        expect(sum).toBe(2 * offsets.length);
      }),
    );
  });
});

test("colours go from one end over the middle to the other, and unknown has its own", () => {
  expect(sentimentColour(0)).toContain("--low) 100%");
  expect(sentimentColour(2.5)).toContain("0%");
  expect(sentimentColour(5)).toContain("--high) 100%");
  expect(sentimentColour(null)).toBe("var(--line)");
  expect([sentimentWord(1.9), sentimentWord(2), sentimentWord(3), sentimentWord(3.1)]).toEqual([
    "negative",
    "mixed",
    "mixed",
    "positive",
  ]);
  expect([share(1, 3), share(0, 0)]).toEqual(["33%", "–"]);
});

describe("citations", () => {
  test("a sentence is found in its source whatever its blanks and case", () => {
    const parts = markedParts(
      "Good phone.\nThe battery  lasts (really!) long. Bye.",
      "the battery lasts (really!) long.",
    );
    expect(parts.filter((part) => part.marked).map((part) => part.text)).toEqual([
      "The battery  lasts (really!) long.",
    ]);
  });

  test("a sentence in other words marks the one that is closest", () => {
    const parts = markedParts(
      "The screen is dark. The battery lasts for days. Bye.",
      "Its battery lasts for many days, they say.",
    );
    expect(parts.filter((part) => part.marked).map((part) => part.text.trim())).toEqual([
      "The battery lasts for days.",
    ]);
  });

  test("the parts together are the text", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, sentence) => {
        expect(
          markedParts(text, sentence)
            .map((part) => part.text)
            .join(""),
        ).toBe(text);
        expect(sentencesOf(text).join("")).toBe(text);
      }),
    );
  });

  test("a beginning ends between words", () => {
    expect(beginning("one two three four", 9)).toBe("one two…");
    expect(beginning("short", 9)).toBe("short");
  });
});

test("of a long text that part is shown that speaks of the question", () => {
  const text = `${"Something else. ".repeat(30)}The battery lasts for two days. ${"And more of it. ".repeat(30)}`;
  expect(excerpt(text, "How long does the battery last?", 120)).toMatch(/^… .*battery lasts for two days/);
  expect(excerpt(text, "", 120)).toBe(beginning(text, 120));
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer({ min: 10, max: 40 }), (any, question, most) => {
      const shown = excerpt(any, question, most);
      expect(shown.length).toBeLessThanOrEqual(most + 3);
      expect(any).toContain(shown.replace(/^… /, "").replace(/…$/, "").trim());
    }),
  );
});

describe("duplicates", () => {
  test("sentences in another order are told to be so, and none is marked", () => {
    const found = compared("It broke. I sent it back. Never again.", "Never again. It broke. I sent it back.");
    expect(found.told).toBe("the same sentences in another order");
    expect([...found.original, ...found.copy].some((part) => part.marked)).toBe(false);
  });

  test("a word that was changed is marked on both sides", () => {
    const found = compared("It broke after two long weeks. Bad.", "It broke after three long weeks. Bad.");
    expect(found.original.filter((part) => part.marked).map((part) => part.text)).toEqual(["two"]);
    expect(found.copy.filter((part) => part.marked).map((part) => part.text)).toEqual(["three"]);
  });

  test("both texts stay whole", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (original, copy) => {
        const found = compared(original, copy);
        expect(found.original.map((part) => part.text).join("")).toBe(original);
        expect(found.copy.map((part) => part.text).join("")).toBe(copy);
      }),
    );
  });
});

test("a question comes back from its address, and asks for what was chosen", () => {
  const asked = readAsked({ q: "battery", stars: "-2", theme: "battery", lat: "48.2", lon: 16.4, more: "x" });
  expect(readAsked(writtenAsked(asked) as Record<string, unknown>)).toEqual(asked);
  expect(questionOf(asked)).toEqual({
    question: "battery",
    filter: { themes: "battery", stars: { lte: 2 } },
    near: { latitude: 48.2, longitude: 16.4 },
  });
  expect(questionOf(readAsked({ q: "x", lat: 91, lon: 1 })).near).toBeNull();
});

test("a small line leaves out what is missing, and is nothing for one value", () => {
  expect(sparkline([1], { width: 40, height: 20 })).toBe("");
  expect(sparkline([1, null, 2], { width: 40, height: 20 }).match(/[ML]/g)).toEqual(["M", "L"]);
});

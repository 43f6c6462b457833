import { readFileSync } from "node:fs";
import fc from "fast-check";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { describe, expect, test } from "vitest";
import { apart, type Box, byScale, clipped, type Land, landOf, seen, unwound } from "../../../src/reviewapp/land";
import {
  degrees,
  fitted,
  moved,
  nearest,
  onScreen,
  type Point,
  project,
  turned,
  zoomed,
} from "../../../src/reviewapp/projection";
import { placed, serves, sheetFor } from "../../../src/reviewapp/sheet";

const SIZE = { width: 800, height: 480 };
const BOX: Box = { left: -10, right: 10, top: -10, bottom: 10 };
const place = fc.record({ x: fc.integer({ min: -30, max: 30 }), y: fc.integer({ min: -30, max: 30 }) });
const inside = ({ x, y }: Point, box: Box, slack = 1e-9) =>
  x >= box.left - slack && x <= box.right + slack && y >= box.top - slack && y <= box.bottom + slack;

describe("land", () => {
  test("a line across the date line goes on, there and back", () => {
    const xs = (line: [number, number][]) => unwound(line).map((point) => point.x);
    expect(
      xs([
        [170, 60],
        [-175, 62],
        [-170, 63],
        [175, 64],
        [160, 60],
      ]),
    ).toEqual([170, 185, 190, 175, 160]);
    expect(
      xs([
        [-170, 1],
        [175, 1],
        [-179, 1],
      ]),
    ).toEqual([-170, -185, -179]);
  });

  test("an area within a box has what lies in it, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 3, maxLength: 12 }), (points) => {
        const found = clipped(points, BOX);
        for (const point of found) expect(inside(point, BOX)).toBe(true);
        if (points.every((point) => inside(point, BOX))) expect(found).toEqual(points);
      }),
    );
    expect(
      area(
        clipped(
          [
            { x: 0, y: 0 },
            { x: 100, y: 0 },
            { x: 100, y: 100 },
            { x: 0, y: 100 },
          ],
          BOX,
        ),
      ),
    ).toBeCloseTo(100);
  });

  test("of a line no piece is lost that may be seen", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 12 }), (points) => {
        const pieces = seen(points, BOX);
        const steps = new Set(pieces.flatMap((piece) => piece.slice(1).map((to, i) => JSON.stringify([piece[i], to]))));
        for (const [index, to] of points.entries()) {
          const from = points[index - 1];
          if (from && (inside(from, BOX) || inside(to, BOX))) expect(steps.has(JSON.stringify([from, to]))).toBe(true);
        }
      }),
    );
  });

  test("what is left of a line keeps its ends and its distance", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 30 }), (points) => {
        const found = apart(points, 3);
        expect([found[0], found.at(-1)]).toEqual([points[0], points.at(-1)]);
        for (const [index, point] of found.slice(1, -1).entries()) {
          const before = found[index];
          if (before) expect(Math.hypot(point.x - before.x, point.y - before.y)).toBeGreaterThanOrEqual(3);
        }
      }),
    );
  });
});

describe("the world as it is shipped", () => {
  const land = world();

  test("no line leaps over the map", () => {
    for (const { points } of [...land.coasts, ...land.borders]) {
      for (const [index, point] of points.entries()) {
        expect(Math.abs(point.x - (points[index - 1] ?? point).x)).toBeLessThan(30);
      }
    }
  });

  test("places lie on land or at sea, at every scale and on both sides of the date line", () => {
    const at = byScale(land);
    for (const scale of [1, 40, 5_000]) {
      const there = at(scale);
      for (const [latitude, longitude] of [
        [47, 8],
        [67, 179],
        [67, -175],
        [-80, 0],
        [-84.9, 179.5],
        [-84.9, -179.5],
        [39, -98],
      ]) {
        expect([latitude, longitude, onLand(there, latitude ?? 0, longitude ?? 0)]).toEqual([
          latitude,
          longitude,
          true,
        ]);
      }
      for (const [latitude, longitude] of [
        [0, -30],
        [0, 180],
        [60, -175],
        [84, 0],
        [-55, 179],
        [42, 50],
      ]) {
        expect([latitude, longitude, onLand(there, latitude ?? 0, longitude ?? 0)]).toEqual([
          latitude,
          longitude,
          false,
        ]);
      }
    }
    expect(points(at(2))).toBeLessThan(points(land) / 3);
  });
});

test("degrees are written as people write them", () => {
  const found = [0, 12.5, -12.5, 180, -180].map((each) => degrees(each, "E", "W"));
  expect(found).toEqual(["0°", "12.5° E", "12.5° W", "180°", "180°"]);
});

describe("a sheet", () => {
  const view = fc.record({
    x: fc.double({ min: -180, max: 180, noNaN: true }),
    y: fc.double({ min: -150, max: 150, noNaN: true }),
    scale: fc.double({ min: 1, max: 1e4, noNaN: true }),
  });

  test("shifted, it has each place where a new one would have it", () => {
    fc.assert(
      fc.property(
        view,
        fc.integer({ min: -90, max: 90 }),
        fc.double({ min: 0.7, max: 2, noNaN: true }),
        (from, px, times) => {
          const sheet = sheetFor(from, SIZE);
          const now = zoomed(moved(from, px, -px / 2), times, { x: 400, y: 240 }, SIZE);
          const at = placed(sheet, now, SIZE);
          const point = { x: from.x + 20 / from.scale, y: from.y - 10 / from.scale };
          const drawn = onScreen(nearest(point, sheet.view), sheet.view, sheet.size);
          const wanted = onScreen(nearest(point, now), now, SIZE);
          expect(Math.abs(at.x + drawn.x * at.times - wanted.x)).toBeLessThan(0.6); // whole pixels where nothing is scaled
          expect(Math.abs(at.y + drawn.y * at.times - wanted.y)).toBeLessThan(0.6);
        },
      ),
    );
  });

  test("it serves where it is, and not where it ends or is too coarse", () => {
    fc.assert(
      fc.property(view, (from) => {
        expect(serves(sheetFor(from, SIZE), from, SIZE)).toBe(true);
      }),
    );
    const here = { x: 179, y: 0, scale: 10 };
    const sheet = sheetFor(here, SIZE);
    expect(serves(sheet, moved(here, -100, 0), SIZE)).toBe(true); // over the date line
    expect(serves(sheet, moved(here, -400, 0), SIZE)).toBe(false);
    expect(serves(sheet, { ...here, scale: 100 }, SIZE)).toBe(false);
    expect(serves(sheet, { ...here, scale: 2 }, SIZE)).toBe(false);
  });

  test("cells on both sides of the date line are fitted together", () => {
    const fiji = fitted([project(-17, 178), project(-18, -179)], SIZE);
    expect(turned(fiji.x - 179.5)).toBeCloseTo(0);
    expect(fiji.scale).toBeGreaterThan(100);
  });
});

function world(): Land {
  const file = new URL("../../../node_modules/world-atlas/countries-50m.json", import.meta.url);
  const read = JSON.parse(readFileSync(file, "utf8")) as Topology<{
    countries: GeometryCollection;
    land: GeometryCollection;
  }>;
  const shape = feature(read, read.objects.land).features[0]?.geometry;
  if (shape?.type !== "MultiPolygon") throw new Error("no land");
  return landOf(
    shape,
    mesh(read, read.objects.land),
    mesh(read, read.objects.countries, (one, other) => one !== other),
  );
}

function points(land: Land): number {
  return land.areas.reduce((sum, each) => sum + each.points.length, 0);
}

/** By the number of outlines around a place, of all turns around the earth, as a path is filled by "evenodd". */
function onLand(land: Land, latitude: number, longitude: number): boolean {
  const at = project(latitude, longitude);
  let within = false;
  for (const turn of [-360, 0, 360]) {
    for (const { points: ring } of land.areas) {
      for (const [index, b] of ring.entries()) {
        const a = ring[index - 1] ?? ring.at(-1) ?? b;
        const x = at.x - turn;
        if (a.y > at.y !== b.y > at.y && x < a.x + ((at.y - a.y) / (b.y - a.y)) * (b.x - a.x)) within = !within;
      }
    }
  }
  return within;
}

function area(of: readonly Point[]): number {
  return Math.abs(of.reduce((sum, b, i) => sum + ((of.at(i - 1) ?? b).x * b.y - b.x * (of.at(i - 1) ?? b).y) / 2, 0));
}

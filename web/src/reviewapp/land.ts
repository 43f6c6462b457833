/** Land and borders on the plane of the map: in one piece across the date line, and never more points than can be seen. */

import type { MultiLineString, MultiPolygon, Polygon } from "geojson";
import { type Point, project } from "./projection";

type Line = readonly Point[];

export interface Land {
  /** Areas, closed; one around the earth goes on to beyond its pole. */
  areas: readonly Outlined[];
  /** Coasts and borders. */
  coasts: readonly Outlined[];
  borders: readonly Outlined[];
}

/** A line with the box in which it lies. */
export interface Outlined {
  points: Line;
  box: Box;
}

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const POLE = 1_000; // far beyond what Mercator shows
const LAST_LATITUDE = -85;
const SEEN_PX = 0.7;
const FINEST_LEVEL = 10; // 1,024 pixels for each degree: the data have no more

/** What to draw of geographical shapes, whose lines may cross the date line. */
export function landOf(land: MultiPolygon | Polygon, coasts: MultiLineString, borders: MultiLineString): Land {
  const polygons = land.type === "Polygon" ? [land.coordinates] : land.coordinates;
  const rings = polygons.flat().filter((ring) => ring.some(([, lat = 0]) => lat > LAST_LATITUDE));
  return {
    areas: rings.map((ring) => outlined(closed(unwound(ring)))),
    coasts: coasts.coordinates.flatMap(withoutCuts).map((line) => outlined(unwound(line))),
    borders: borders.coordinates.map((line) => outlined(unwound(line))),
  };
}

/** A line on the plane; where it crosses the date line it goes on beyond 180°. */
export function unwound(line: readonly (readonly number[])[]): Point[] {
  const found: Point[] = [];
  let turns = 0;
  let before: number | undefined;
  for (const [lon = 0, lat = 0] of line) {
    if (before !== undefined && Math.abs(lon - before) > 180) turns += lon < before ? 360 : -360;
    before = lon;
    found.push(project(lat, lon + turns));
  }
  return found;
}

/** A ring that leads around the earth, as Antarctica's coast does, is closed beyond the south pole. */
function closed(ring: Point[]): Point[] {
  const [first, last] = [ring[0], ring.at(-1)];
  if (!first || !last || Math.abs(last.x - first.x) < 180) return ring;
  return [...ring, { x: last.x, y: POLE }, { x: first.x, y: POLE }];
}

/** Maps are cut along the date line. Those cuts are no coast. */
function withoutCuts(line: readonly (readonly number[])[]): (readonly (readonly number[])[])[] {
  const parts: (readonly number[])[][] = [[]];
  for (const place of line) {
    const before = parts.at(-1)?.at(-1);
    if (before && atCut(before) && atCut(place)) parts.push([place]);
    else parts.at(-1)?.push(place);
  }
  return parts.filter((part) => part.length > 1);
}

function atCut([lon = 0, lat = 0]: readonly number[]): boolean {
  return Math.abs(lon) > 179.99 || lat < LAST_LATITUDE - 0.5;
}

function outlined(points: Line): Outlined {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { x, y } of points) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return { points, box };
}

/** Gives land with as many points as can be told apart at a scale; each of ten levels is made once. */
export function byScale(land: Land): (scale: number) => Land {
  const made = new Map<number, Land>();
  return (scale) => {
    const level = Math.min(FINEST_LEVEL, Math.max(0, Math.ceil(Math.log2(scale))));
    const known = made.get(level) ?? (level === FINEST_LEVEL ? land : coarser(land, SEEN_PX / 2 ** level));
    made.set(level, known);
    return known;
  };
}

function coarser(land: Land, least: number): Land {
  const fewer = (lines: readonly Outlined[]) =>
    lines
      .filter(({ box }) => box.right - box.left > least || box.bottom - box.top > least)
      .map(({ points, box }) => ({ points: apart(points, least), box }));
  return { areas: fewer(land.areas), coasts: fewer(land.coasts), borders: fewer(land.borders) };
}

/** The points of a line that lie so far from each other; its ends stay. */
export function apart(points: Line, least: number): Line {
  let kept: Point | undefined;
  return points.filter((point, index) => {
    if (kept && index < points.length - 1 && Math.hypot(point.x - kept.x, point.y - kept.y) < least) return false;
    kept = point;
    return true;
  });
}

/** The part of an area within a box, by Sutherland and Hodgman. */
export function clipped(points: Line, box: Box): Line {
  let found = points;
  found = cut(found, (p) => p.x - box.left);
  found = cut(found, (p) => box.right - p.x);
  found = cut(found, (p) => p.y - box.top);
  return cut(found, (p) => box.bottom - p.y);
}

/** What of an area lies where `inside` is not negative; it grows evenly along each line. */
function cut(points: Line, inside: (point: Point) => number): Line {
  const found: Point[] = [];
  let before = points.at(-1);
  for (const point of points) {
    const [a, b] = [before ? inside(before) : 0, inside(point)];
    if (before && a < 0 !== b < 0) {
      const part = a / (a - b);
      found.push({ x: before.x + (point.x - before.x) * part, y: before.y + (point.y - before.y) * part });
    }
    if (b >= 0) found.push(point);
    before = point;
  }
  return found;
}

/** The pieces of a line that may be seen in a box. */
export function seen(points: Line, box: Box): Line[] {
  const pieces: Point[][] = [];
  let open: Point[] | null = null;
  let before: Point | undefined;
  for (const point of points) {
    if (before && !beside(before, point, box)) {
      open ??= pieces[pieces.push([before]) - 1] ?? null;
      open?.push(point);
    } else {
      open = null;
    }
    before = point;
  }
  return pieces;
}

function beside(a: Point, b: Point, box: Box): boolean {
  return (
    (a.x < box.left && b.x < box.left) ||
    (a.x > box.right && b.x > box.right) ||
    (a.y < box.top && b.y < box.top) ||
    (a.y > box.bottom && b.y > box.bottom)
  );
}

/** Whether two boxes have something in common. */
export function meet(one: Box, other: Box): boolean {
  return one.left <= other.right && one.right >= other.left && one.top <= other.bottom && one.bottom >= other.top;
}

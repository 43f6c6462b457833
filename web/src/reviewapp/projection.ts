/** The world on a plane, by Mercator: x and y in degrees of longitude, y growing to the south. */

export interface Point {
  x: number;
  y: number;
}

/** Which part of the plane is seen: its middle, and pixels for each degree. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

const FURTHEST = 85; // beyond, Mercator grows without end
const LEAST_SCALE = 1;
const MOST_SCALE = 60_000;

/** A place on the plane. */
export function project(latitude: number, longitude: number): Point {
  const held = Math.max(-FURTHEST, Math.min(FURTHEST, latitude));
  const y = Math.log(Math.tan(Math.PI / 4 + (held * Math.PI) / 360)) * (180 / Math.PI);
  return { x: longitude, y: -y };
}

/** The latitude of a place on the plane. */
export function latitudeOf(y: number): number {
  return (Math.atan(Math.exp((-y * Math.PI) / 180)) * 360) / Math.PI - 90;
}

/** The corners of a cell on the plane; a cell across the date line stays in one piece. */
export function outline(corners: readonly (readonly [number, number])[], longitude: number): Point[] {
  return corners.map(([lat, lon]) => {
    const near = lon - longitude > 180 ? lon - 360 : lon - longitude < -180 ? lon + 360 : lon;
    return project(lat, near);
  });
}

/** Degrees between −180 and 180: the same place, without the turns around the earth. */
export function turned(x: number): number {
  return x - 360 * Math.round(x / 360);
}

/** The copy of a point that lies nearest to a view: the plane goes on beyond the date line. */
export function nearest(point: Point, view: View): Point {
  return { x: view.x + turned(point.x - view.x), y: point.y };
}

/** Where a point of the plane is in the picture. */
export function onScreen(point: Point, view: View, size: Size): Point {
  return {
    x: (point.x - view.x) * view.scale + size.width / 2,
    y: (point.y - view.y) * view.scale + size.height / 2,
  };
}

/** A view that has all points in it, with some room around. */
export function fitted(points: readonly Point[], size: Size): View {
  if (points.length === 0) return { x: 0, y: 0, scale: Math.max(LEAST_SCALE, size.width / 360) };
  const ys = points.map((point) => point.y);
  const [left, right] = narrowest(points.map((point) => turned(point.x)).sort((a, b) => a - b));
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const wide = Math.max(right - left, 0.02);
  const high = Math.max(bottom - top, 0.02);
  const scale = Math.min(size.width / wide, size.height / high) * 0.86;
  return { x: turned((left + right) / 2), y: (top + bottom) / 2, scale: held(scale) };
}

/** From where to where sorted longitudes go around the earth, the widest gap between them left out. */
function narrowest(xs: readonly number[]): [number, number] {
  const [first = 0, last = 0] = [xs[0], xs.at(-1)];
  let found = { left: first, right: last, gap: first + 360 - last };
  for (const [index, x] of xs.entries()) {
    const before = xs[index - 1] ?? x;
    if (x - before > found.gap) found = { left: x, right: before + 360, gap: x - before };
  }
  return [found.left, found.right];
}

/** A view so many times closer; what is at a place of the picture stays there. */
export function zoomed(view: View, times: number, at: Point, size: Size): View {
  const scale = held(view.scale * times);
  const x = view.x + (at.x - size.width / 2) * (1 / view.scale - 1 / scale);
  const y = view.y + (at.y - size.height / 2) * (1 / view.scale - 1 / scale);
  return { x: turned(x), y, scale };
}

/** A view moved by pixels. */
export function moved(view: View, dx: number, dy: number): View {
  return {
    ...view,
    x: turned(view.x - dx / view.scale),
    y: Math.max(-180, Math.min(180, view.y - dy / view.scale)),
  };
}

function held(scale: number): number {
  return Math.max(LEAST_SCALE, Math.min(MOST_SCALE, scale));
}

const STEPS = [60, 30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];

/** The lines of longitude and latitude in sight, in degrees, about 90 pixels apart. */
export function graticule(view: View, size: Size): { step: number; longitudes: number[]; latitudes: number[] } {
  const step = STEPS.find((each, index) => each * view.scale <= 130 || index === STEPS.length - 1) ?? 1;
  const half = { x: size.width / 2 / view.scale, y: size.height / 2 / view.scale };
  return {
    step,
    longitudes: steps(view.x - half.x, view.x + half.x, step),
    latitudes: steps(latitudeOf(view.y + half.y), latitudeOf(view.y - half.y), step),
  };
}

function steps(from: number, to: number, step: number): number[] {
  const found: number[] = [];
  for (let index = Math.ceil(from / step); index * step <= to && found.length < 80; index++) {
    found.push(Number((index * step).toFixed(4)));
  }
  return found;
}

/** Degrees as people write them: 12.5° E. */
export function degrees(value: number, positive: string, negative: string): string {
  const letter = value === 0 || Math.abs(value) === 180 ? "" : value > 0 ? ` ${positive}` : ` ${negative}`;
  return `${Math.abs(value)}°${letter}`;
}

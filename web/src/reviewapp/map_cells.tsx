import { memo } from "react";
import { sentimentColour } from "./colours";
import type { Cell } from "./data";
import { nearest, onScreen, outline, project } from "./projection";
import type { Sheet } from "./sheet";

/** Cells that would be smaller than this are drawn larger, by how many reviews they have. */
const LEAST_PX = { few: 4.5, many: 15 };

/** The cells of a sheet. They are drawn once for it, however it is moved. */
export const Cells = memo(({ shapes, sheet, most }: { shapes: readonly Shape[]; sheet: Sheet; most: number }) =>
  shapes.map((shape) => <Hexagon key={shape.cell.cell} shape={shape} sheet={sheet} most={most} />),
);

/** A cell on the plane. */
export interface Shape {
  cell: Cell;
  middle: { x: number; y: number };
  corners: { x: number; y: number }[];
  radius: number;
}

/** Where a cell is on the plane, and its corners. */
export function shapeOf(cell: Cell): Shape {
  const middle = project(cell.latitude, cell.longitude);
  const corners = outline(
    cell.corners.flatMap(([lat, lon]) => (lat === undefined || lon === undefined ? [] : [[lat, lon] as const])),
    cell.longitude,
  );
  const far = corners.map((corner) => Math.hypot(corner.x - middle.x, corner.y - middle.y));
  return { cell, middle, corners, radius: Math.max(1e-9, ...far) };
}

/** A cell: hexagonal, and not smaller than can be seen. */
export function Hexagon({
  shape,
  sheet: { view, size },
  most,
  marked,
}: {
  shape: Shape;
  sheet: Sheet;
  most: number;
  marked?: boolean;
}) {
  const { cell, middle, corners, radius } = shape;
  const at = onScreen(nearest(middle, view), view, size);
  const part = Math.sqrt(cell.reviews / most);
  const least = LEAST_PX.few + (LEAST_PX.many - LEAST_PX.few) * part;
  const larger = Math.max(1, least / (radius * view.scale));
  const reach = radius * view.scale * larger;
  if (at.x < -reach || at.y < -reach || at.x > size.width + reach || at.y > size.height + reach) return null;
  const points = corners.map((corner) => {
    const x = at.x + (corner.x - middle.x) * view.scale * larger;
    const y = at.y + (corner.y - middle.y) * view.scale * larger;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <polygon
      data-cell={cell.cell}
      points={points.join(" ")}
      fill={sentimentColour(cell.sentiment)}
      fillOpacity={0.45 + 0.5 * part}
      stroke={marked ? "var(--ink)" : "var(--card)"}
      strokeWidth={marked ? 2.5 : 1}
      className="cursor-pointer"
    />
  );
}

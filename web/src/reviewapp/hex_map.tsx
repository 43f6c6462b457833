import { Maximize, Minus, Plus } from "lucide-react";
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { count } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { figure, sentimentColour } from "./colours";
import type { Cell } from "./data";
import {
  degrees,
  fitted,
  graticule,
  moved,
  onScreen,
  outline,
  project,
  type Size,
  type View,
  zoomed,
} from "./projection";
import { useDrag } from "./use_drag";

const STEP_PX = 60;
const CLOSER = 1.5;
/** Cells that would be smaller than this are drawn larger, by how many reviews they have. */
const LEAST_PX = { few: 4.5, many: 15 };

interface Props {
  cells: readonly Cell[];
  pointed: string | null;
  onPoint: (cell: string | null) => void;
  onOpen: (cell: string) => void;
}

/** Cells as hexagons, coloured by sentiment. It moves by dragging and arrows, comes closer by wheel, plus and minus. */
export function HexMap({ cells, pointed, onPoint, onOpen }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const shapes = useMemo(() => cells.map(shapeOf), [cells]);
  const whole = useMemo(
    () =>
      fitted(
        shapes.map((shape) => shape.middle),
        size,
      ),
    [shapes, size],
  );
  const [chosen, setChosen] = useState<View | null>(null);
  const view = chosen ?? whole;
  const now = useRef({ view, size });
  now.current = { view, size };
  const closer = (times: number, at = { x: size.width / 2, y: size.height / 2 }) =>
    setChosen(zoomed(now.current.view, times, at, now.current.size));
  const drag = useDrag((dx, dy) => setChosen(moved(now.current.view, dx, dy)));
  useWheel(box, (times, at) => setChosen(zoomed(now.current.view, times, at, now.current.size)));
  const press = (event: KeyboardEvent) => {
    const act = keys(event.key, {
      move: (dx, dy) => setChosen(moved(view, dx, dy)),
      closer,
      all: () => setChosen(null),
    });
    if (!act) return;
    event.preventDefault();
    act();
  };
  const shown = shapes.find((shape) => shape.cell.cell === pointed);
  return (
    <div className="relative min-w-0">
      <div
        ref={box}
        role="application"
        tabIndex={0}
        aria-label="Map of the cells. Arrows move it, plus and minus come closer and go away, 0 shows all. The list says the same."
        className="relative h-[22rem] touch-none md:h-[min(66dvh,42rem)] overflow-hidden rounded-lg border bg-sunk select-none"
        onKeyDown={press}
        {...drag.handlers}
        onPointerOver={(event) => onPoint(cellAt(event.target))}
        onPointerLeave={() => onPoint(null)}
        onClick={(event) => {
          const cell = cellAt(event.target);
          if (cell && !drag.moved()) onOpen(cell);
        }}
      >
        <svg width={size.width} height={size.height} aria-hidden className="block">
          <Graticule view={view} size={size} />
          {shapes.map((shape) => (
            <Hexagon key={shape.cell.cell} shape={shape} view={view} size={size} most={cells[0]?.reviews ?? 1} />
          ))}
          {shown && <Hexagon shape={shown} view={view} size={size} most={cells[0]?.reviews ?? 1} marked />}
        </svg>
      </div>
      <div className="absolute top-2 right-2 flex flex-col gap-1">
        <Button square aria-label="Closer" onClick={() => closer(CLOSER)}>
          <Plus size={14} aria-hidden />
        </Button>
        <Button square aria-label="Further away" onClick={() => closer(1 / CLOSER)}>
          <Minus size={14} aria-hidden />
        </Button>
        <Button square aria-label="Show all cells" onClick={() => setChosen(null)}>
          <Maximize size={14} aria-hidden />
        </Button>
      </div>
      <p className="mt-1.5 min-h-5 text-xs text-soft" aria-hidden>
        {shown
          ? `${count(shown.cell.reviews)} reviews, sentiment ${figure(shown.cell.sentiment)}; a click shows them`
          : "Drag or use the arrows to move, the wheel or + and − to come closer. A click on a cell shows its reviews."}
      </p>
    </div>
  );
}

interface Shape {
  cell: Cell;
  middle: { x: number; y: number };
  corners: { x: number; y: number }[];
  radius: number;
}

function shapeOf(cell: Cell): Shape {
  const middle = project(cell.latitude, cell.longitude);
  const corners = outline(
    cell.corners.flatMap(([lat, lon]) => (lat === undefined || lon === undefined ? [] : [[lat, lon] as const])),
    cell.longitude,
  );
  const far = corners.map((corner) => Math.hypot(corner.x - middle.x, corner.y - middle.y));
  return { cell, middle, corners, radius: Math.max(1e-9, ...far) };
}

function Hexagon({
  shape,
  view,
  size,
  most,
  marked,
}: {
  shape: Shape;
  view: View;
  size: Size;
  most: number;
  marked?: boolean;
}) {
  const { cell, middle, corners, radius } = shape;
  const at = onScreen(middle, view, size);
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

function Graticule({ view, size }: { view: View; size: Size }) {
  const { longitudes, latitudes } = graticule(view, size);
  return (
    <g stroke="var(--line)" fill="var(--soft)" fontSize="11">
      {longitudes.map((each) => {
        const { x } = onScreen({ x: each, y: 0 }, view, size);
        return (
          <g key={each}>
            <line x1={x} x2={x} y1={0} y2={size.height} />
            <text x={x + 4} y={size.height - 6} stroke="none">
              {degrees(each, "E", "W")}
            </text>
          </g>
        );
      })}
      {latitudes.map((each) => {
        const { y } = onScreen(project(each, 0), view, size);
        return (
          <g key={each}>
            <line x1={0} x2={size.width} y1={y} y2={y} />
            <text x={6} y={y - 4} stroke="none">
              {degrees(each, "N", "S")}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function cellAt(target: EventTarget): string | null {
  return target instanceof SVGElement ? (target.dataset.cell ?? null) : null;
}

function keys(
  key: string,
  to: { move: (dx: number, dy: number) => void; closer: (times: number) => void; all: () => void },
): (() => void) | undefined {
  const acts = new Map([
    ["ArrowLeft", () => to.move(STEP_PX, 0)],
    ["ArrowRight", () => to.move(-STEP_PX, 0)],
    ["ArrowUp", () => to.move(0, STEP_PX)],
    ["ArrowDown", () => to.move(0, -STEP_PX)],
    ["+", () => to.closer(CLOSER)],
    ["=", () => to.closer(CLOSER)],
    ["-", () => to.closer(1 / CLOSER)],
    ["0", to.all],
  ]);
  return acts.get(key);
}

function useSize(box: { current: HTMLDivElement | null }): Size {
  const [size, setSize] = useState<Size>({ width: 800, height: 480 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    return () => resized.disconnect();
  }, [box]);
  return size;
}

/** The wheel, as React listens to it, could not keep the page from scrolling. */
function useWheel(
  box: { current: HTMLDivElement | null },
  turned: (times: number, at: { x: number; y: number }) => void,
): void {
  const told = useRef(turned);
  told.current = turned;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const listen = (event: WheelEvent) => {
      event.preventDefault();
      const edge = element.getBoundingClientRect();
      told.current(Math.exp(-event.deltaY / 400), { x: event.clientX - edge.left, y: event.clientY - edge.top });
    };
    element.addEventListener("wheel", listen, { passive: false });
    return () => element.removeEventListener("wheel", listen);
  }, [box]);
}

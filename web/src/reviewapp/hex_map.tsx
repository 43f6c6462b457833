import { Maximize, Minus, Plus } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from "react";
import { count } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { figure } from "./colours";
import type { Cell } from "./data";
import { Graticule } from "./graticule";
import { LandLayer } from "./land_layer";
import { Cells, Hexagon, shapeOf } from "./map_cells";
import { CLOSER, keys, useSize, useWheel } from "./map_moves";
import { fitted, moved, type View, zoomed } from "./projection";
import { placed } from "./sheet";
import { useDrag } from "./use_drag";
import { useSheet } from "./use_sheet";

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
        shapes.flatMap((shape) => shape.corners),
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
  const most = cells[0]?.reviews ?? 1;
  const sheet = useSheet(view, size);
  const at = placed(sheet, view, size);
  return (
    <div className="relative min-w-0">
      <div
        ref={box}
        role="application"
        tabIndex={0}
        aria-label="Map of the cells. Arrows move it, plus and minus come closer and go away, 0 shows all. The list says the same."
        className="relative h-[22rem] touch-none md:h-[min(66dvh,42rem)] overflow-hidden rounded-lg border bg-[var(--sea)] select-none"
        onKeyDown={press}
        {...drag.handlers}
        onPointerOver={(event) => onPoint(cellAt(event.target))}
        onPointerLeave={() => onPoint(null)}
        onClick={(event) => {
          const cell = cellAt(event.target);
          if (cell && !drag.moved()) onOpen(cell);
        }}
      >
        <Shifted at={at}>
          <LandLayer sheet={sheet} />
        </Shifted>
        <svg width={size.width} height={size.height} aria-hidden className="absolute inset-0">
          <Graticule view={view} size={size} />
        </svg>
        <Shifted at={at}>
          <svg {...sheet.size} aria-hidden className="block">
            <Cells shapes={shapes} sheet={sheet} most={most} />
            {shown && <Hexagon shape={shown} sheet={sheet} most={most} marked />}
          </svg>
        </Shifted>
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

/** What was drawn for a sheet, where that is now. Shifting it draws nothing anew. */
function Shifted({ at, children }: { at: { x: number; y: number; times: number }; children: ReactNode }) {
  const transform = `translate(${at.x}px, ${at.y}px) scale(${at.times})`;
  return (
    <div className="absolute top-0 left-0 origin-top-left will-change-transform" style={{ transform }}>
      {children}
    </div>
  );
}

function cellAt(target: EventTarget): string | null {
  return target instanceof SVGElement ? (target.dataset.cell ?? null) : null;
}

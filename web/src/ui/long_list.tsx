import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { type ReactNode, useEffect, useRef } from "react";

const ROW_PX = 44;

/** A table of any length, of which only the rows in sight are drawn; pages come as it is scrolled. Each row is one line. */
export function LongList<Item>({
  label,
  heads,
  columns,
  items,
  keyOf,
  cells,
  more,
  className = "max-h-[60dvh]",
}: {
  label: string;
  /** Empty ones stand over boxes and buttons. */
  heads: readonly { name: string; shown: ReactNode }[];
  /** The classes of the grid and the least width: `min-w-[40rem] grid-cols-[2fr_8rem]`. */
  columns: { grid: string; least: string };
  items: readonly Item[];
  keyOf: (item: Item) => string;
  cells: (item: Item) => readonly ReactNode[];
  /** The page after these, if there is one. */
  more?: { has: boolean; busy: boolean; load: () => void };
  className?: string;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const shown = rows.getVirtualItems();
  const last = shown[shown.length - 1]?.index ?? 0;
  const wanted = Boolean(more?.has && !more.busy && last >= items.length - 20);
  const load = more?.load;
  useEffect(() => {
    if (wanted) load?.();
  }, [wanted, load]);
  const line = clsx("grid items-center gap-3 px-4", columns.grid);
  return (
    <div
      ref={frame}
      tabIndex={0}
      role="region"
      aria-label={label}
      className={clsx("relative overflow-auto", className)}
    >
      <div role="table" aria-label={label} aria-rowcount={items.length + 1} className={columns.least}>
        <div role="rowgroup" className="sticky top-0 z-10 bg-card">
          <div role="row" className={clsx(line, "border-b py-2 text-xs font-semibold text-soft")}>
            {heads.map((head) => (
              <span key={head.name} role="columnheader">
                {head.shown}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
          {shown.map((place) => {
            const item = items[place.index];
            if (item === undefined) return null;
            return (
              <div
                key={keyOf(item)}
                role="row"
                aria-rowindex={place.index + 2}
                className={clsx(line, "absolute inset-x-0 border-b hover:bg-sunk")}
                style={{ height: ROW_PX, transform: `translateY(${place.start}px)` }}
              >
                {cells(item).map((cell, index) => (
                  <span key={heads[index]?.name} role="cell" className="min-w-0 truncate">
                    {cell}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {more?.busy && <p className="p-3 text-center text-soft">Loading…</p>}
    </div>
  );
}

/** Heads whose name is what they show. */
export function heads(...names: string[]): { name: string; shown: ReactNode }[] {
  return names.map((name) => ({ name, shown: name }));
}

/** The head of a column without words to be seen. */
export function unseen(name: string): { name: string; shown: ReactNode } {
  return { name, shown: <span className="sr-only">{name}</span> };
}

import { clsx } from "clsx";
import type { ReactNode } from "react";

const CELL = "px-2 py-1.5 first:pl-4 last:pr-4";

/** A plain table for lists that stay short: the first column names the row, figures stand at the right. It scrolls by itself. */
export function Table({
  caption,
  heads,
  rows,
  left = 1,
  className,
}: {
  caption: string;
  /** An empty one stands over buttons. */
  heads: readonly string[];
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
  /** So many columns hold text, not figures. */
  left?: number;
  className?: string;
}) {
  const side = (index: number) => (index < left ? "text-left" : "text-right");
  return (
    <div tabIndex={0} role="region" aria-label={caption} className={clsx("relative overflow-auto", className)}>
      <table className="w-full tabular-nums [&_time]:whitespace-nowrap [overflow-wrap:normal]">
        <caption className="sr-only">{caption}</caption>
        <thead className="text-xs text-soft">
          <tr>
            {heads.map((head, index) =>
              head ? (
                <th key={head} scope="col" className={clsx(CELL, "font-semibold whitespace-nowrap", side(index))}>
                  {head}
                </th>
              ) : (
                <td key="acts" />
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} className="border-t">
              {row.cells.map((cell, index) =>
                index === 0 ? (
                  <th key={heads[index]} scope="row" className={clsx(CELL, "text-left font-medium")}>
                    {cell}
                  </th>
                ) : (
                  <td key={heads[index]} className={clsx(CELL, side(index))}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

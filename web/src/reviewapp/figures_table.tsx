import { Table } from "@/ui/table";
import type { Figures } from "./data";

/** Figures that were asked for: how the question was understood, the table, and the SQL that found it. */
export function FiguresTable({ figures }: { figures: Figures }) {
  const one = figures.rows.length === 1 && figures.columns.length === 1;
  return (
    <div className="flex flex-col gap-2">
      <p className="text-[15px] font-medium">{figures.sentence || figures.understood}</p>
      {!one && figures.rows.length > 0 && (
        <Table
          caption="Figures"
          className="max-h-96 max-w-2xl rounded-md border"
          heads={figures.columns.map((each) => each.replaceAll("_", " "))}
          left={textColumns(figures)}
          rows={figures.rows.map((row, index) => ({ key: String(index), cells: row.map(cell) }))}
        />
      )}
      {figures.rows.length === 0 && <p className="text-soft">Nothing is like that.</p>}
      <details className="text-[13px]">
        <summary className="cursor-pointer text-soft">How it was understood</summary>
        <p className="mt-1">
          {figures.understood} {figures.by === "grammar" ? "By rules, without a model." : "A model wrote the query."}
          {figures.truncated && " More rows than are shown here were found."}
        </p>
        <pre tabIndex={0} className="mt-1 overflow-auto rounded-md bg-sunk p-3 font-mono text-xs whitespace-pre-wrap">
          {figures.sql}
        </pre>
      </details>
    </div>
  );
}

/** How many columns from the left hold words. */
function textColumns(figures: Figures): number {
  const first = figures.rows[0] ?? [];
  const figure = first.findIndex(
    (value) => typeof value === "number" || (typeof value === "string" && /^-?[\d.]+$/.test(value)),
  );
  return figure < 0 ? first.length : Math.max(1, figure);
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return value.toLocaleString("en-US", { maximumFractionDigits: 3 });
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

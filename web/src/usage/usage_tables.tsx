import type { ReactNode } from "react";
import type { Schemas } from "@/api/client";
import { count, dollars } from "@/ui/amounts";
import { Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { type Days, type Key, nameOf, sum, type UsageItem } from "./series";

/** What calls came to for each value of a key, and in all: exact sums of the ledger. */
export function ByKey({ by, usage }: { by: Key; usage: Schemas["UsageList"] }) {
  const rows = [
    ...usage.rows.map((row) => cells(nameOf(row, by), row)),
    { ...cells(<b>in all</b>, usage.total), key: "" },
  ];
  return (
    <Panel title={`By ${by}`} flush>
      {usage.total.simulated !== "no" && (
        <p className="px-4 pt-3 text-busy">
          {usage.total.simulated === "yes" ? "All calls" : `${count(usage.total.simulated_calls)} of the calls`} were
          answered by the simulated provider: no model was at work.
        </p>
      )}
      <Table
        caption={`Usage by ${by}`}
        className="max-h-[60dvh]"
        heads={[by, "Cost", "Calls", "Failed", "From cache", "Input", "Cached input", "Output"]}
        rows={rows}
      />
    </Panel>
  );
}

function cells(name: ReactNode, row: UsageItem) {
  const { input, cached_input, cache_write, output } = row.tokens;
  return {
    key: String(name),
    cells: [
      name,
      <span key="cost" title={`$${row.cost_usd}`}>
        {dollars(row.cost_usd)}
      </span>,
      count(row.calls),
      count(row.failed),
      count(row.cached),
      count(input + cache_write),
      count(cached_input),
      count(output),
    ],
  };
}

/** The chart in words: each day with its series, latest first. */
export function ByDay({ data, format }: { data: Days; format: (value: number) => string }) {
  const rows = data.days
    .map((day, index) => {
      const values = data.series.map((each) => each.values[index] ?? 0);
      return { key: day, all: sum(values), values };
    })
    .filter((row) => row.all > 0)
    .reverse();
  return (
    <Panel title="Day by day" flush>
      <Table
        caption="Day by day"
        className="max-h-[50dvh]"
        heads={["Day (UTC)", "In all", ...data.series.map((each) => each.name)]}
        rows={rows.map(({ key, all, values }) => ({ key, cells: [key, format(all), ...values.map(format)] }))}
      />
    </Panel>
  );
}

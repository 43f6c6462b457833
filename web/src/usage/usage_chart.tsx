import { useMemo } from "react";
import uPlot from "uplot";
import { axisColours, type Drawn, Plot } from "@/ui/plot";
import { type Days, stacked } from "./series";

/** Stacked bars by day. Everything that it shows stands in the tables beneath as well. */
export default function UsageChart({
  data,
  format,
  label,
  onDay,
}: {
  data: Days;
  format: (value: number) => string;
  label: string;
  /** Tells which day is pointed at, null for none. */
  onDay: (index: number | null) => void;
}) {
  const bars = useMemo(() => aligned(data), [data]);
  const drawn = useMemo(() => drawnFor(data, format), [data, format]);
  return <Plot label={label} height={260} data={bars} drawn={drawn} onPoint={onDay} />;
}

/** The tallest bars come first, so that the others are drawn over them. */
function aligned({ days, series }: Days): uPlot.AlignedData {
  const at = days.map((_, index) => index);
  return [at, ...stacked(series).reverse()];
}

function drawnFor({ days, series }: Days, format: (value: number) => string): Drawn {
  return (colour) => {
    const bars = uPlot.paths.bars?.({ size: [0.7, 60] });
    const { axis, grid } = axisColours(colour);
    return {
      padding: [12, 8, 0, 0],
      scales: {
        x: { time: false, range: () => [-0.6, days.length - 0.4] },
        y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.05 : 1] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          ticks: { show: false },
          size: 30,
          incrs: [1, 2, 7, 14, 30, 60, 90],
          space: 56,
          values: (_plot, splits) => splits.map((index) => shortDay(days[index])),
        },
        { ...axis, grid, ticks: grid, size: 64, values: (_plot, splits) => splits.map(format) },
      ],
      series: [
        {},
        ...series
          .map((each, index) => ({
            label: each.name,
            fill: colour(`--voice-${index + 1}`),
            stroke: colour(`--voice-${index + 1}`),
            width: 0,
            points: { show: false },
            ...(bars ? { paths: bars } : {}),
          }))
          .reverse(),
      ],
    };
  };
}

function shortDay(day: string | undefined): string {
  if (!day) return "";
  return new Date(`${day}T00:00Z`).toLocaleDateString(undefined, { month: "short", day: "numeric", timeZone: "UTC" });
}

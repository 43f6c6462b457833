import "./chart.css";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { type Days, stacked } from "./series";

const HEIGHT_PX = 260;

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
  const place = useRef<HTMLDivElement>(null);
  const told = useRef(onDay);
  told.current = onDay;
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(
        options(box, data, format, (index) => told.current(index)),
        aligned(data),
        box,
      );
    };
    draw();
    const resized = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    resized.observe(box);
    const repainted = new MutationObserver(draw); // its colours are those of the theme
    repainted.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      resized.disconnect();
      repainted.disconnect();
      plot?.destroy();
    };
  }, [data, format]);
  return <div ref={place} role="img" aria-label={label} style={{ height: HEIGHT_PX }} className="overflow-hidden" />;
}

/** The colour of a series in the chart and beside its name. */
export function colourOf(index: number): string {
  return `var(--voice-${index + 1})`;
}

/** The tallest bars come first, so that the others are drawn over them. */
function aligned({ days, series }: Days): uPlot.AlignedData {
  const at = days.map((_, index) => index);
  return [at, ...stacked(series).reverse()];
}

function options(
  box: HTMLElement,
  { days, series }: Days,
  format: (value: number) => string,
  onDay: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.7, 60] });
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--soft"), font: "12px system-ui, sans-serif" };
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    padding: [12, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
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
    hooks: { setCursor: [(plot) => onDay(plot.cursor.idx ?? null)] },
  };
}

function shortDay(day: string | undefined): string {
  if (!day) return "";
  return new Date(`${day}T00:00Z`).toLocaleDateString(undefined, { month: "short", day: "numeric", timeZone: "UTC" });
}

import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { onTheme } from "@/shell/theme";

/** What a chart draws, but for its size; colours are asked for by the names of their CSS variables. */
export type Drawn = (colour: (name: string) => string) => Omit<uPlot.Options, "width" | "height">;

/**
 * The frame of a chart: as wide as its place, in the theme's colours, drawn anew when `data` or `drawn` change.
 * It brings uPlot with it, so only files that a page loads lazily import it. What it shows must be read elsewhere, too.
 */
export function Plot({
  label,
  height,
  data,
  drawn,
  onPoint,
}: {
  label: string;
  /** In pixels. */
  height: number;
  data: uPlot.AlignedData;
  drawn: Drawn;
  /** Tells which place on the axis is pointed at, null for none. */
  onPoint: (index: number | null) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const told = useRef(onPoint);
  told.current = onPoint;
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      const style = getComputedStyle(document.documentElement);
      const own = drawn((name) => style.getPropertyValue(name).trim());
      const hooks = { setCursor: [(at: uPlot) => told.current(at.cursor.idx ?? null)] };
      plot = new uPlot({ ...FRAME, ...own, hooks, width: box.clientWidth, height }, data, box);
    };
    draw();
    const resized = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height }));
    resized.observe(box);
    const themed = onTheme(draw);
    return () => {
      resized.disconnect();
      themed();
      plot?.destroy();
    };
  }, [data, drawn, height]);
  return <div ref={place} role="img" aria-label={label} style={{ height }} className="overflow-hidden" />;
}

const FRAME = {
  legend: { show: false },
  cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
} satisfies Partial<uPlot.Options>;

/** An axis in the theme's colours; `axis` is for the text, `grid` for lines and ticks. */
export function axisColours(colour: (name: string) => string) {
  return {
    axis: { stroke: colour("--soft"), font: "12px system-ui, sans-serif" },
    grid: { stroke: colour("--line"), width: 1 },
  };
}

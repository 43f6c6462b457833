import "@/usage/chart.css";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Bucket, Width } from "./buckets";

const HEIGHT_PX = 240;

/** Bars of reviews by how they judge, and the mean sentiment as a line over them. */
export default function TimelineChart({
  buckets,
  width,
  label,
  onBucket,
}: {
  buckets: readonly Bucket[];
  width: Width;
  label: string;
  /** Tells which bucket is pointed at, null for none. */
  onBucket: (index: number | null) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(box, buckets, width, onBucket), aligned(buckets), box);
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
  }, [buckets, width, onBucket]);
  return <div ref={place} role="img" aria-label={label} style={{ height: HEIGHT_PX }} className="overflow-hidden" />;
}

/** The tallest bars come first, so that the others are drawn over them. */
function aligned(buckets: readonly Bucket[]): uPlot.AlignedData {
  return [
    buckets.map((_, index) => index),
    buckets.map((bucket) => bucket.reviews),
    buckets.map((bucket) => bucket.reviews - bucket.positive),
    buckets.map((bucket) => bucket.negative),
    buckets.map((bucket) => bucket.sentiment),
  ];
}

function options(
  box: HTMLElement,
  buckets: readonly Bucket[],
  width: Width,
  onBucket: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.75, 40] });
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--soft"), font: "12px system-ui, sans-serif" };
  const bar = (name: string) => ({
    scale: "y",
    fill: colour(name),
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  });
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    padding: [12, 0, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: () => [-0.6, buckets.length - 0.4] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.05 : 1] },
      sentiment: { range: () => [0, 5] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { show: false },
        size: 30,
        incrs: [1, 2, 4, 8, 13, 26, 30, 60, 90],
        space: 64,
        values: (_plot, splits) => splits.map((index) => shortDay(buckets[index]?.start, width)),
      },
      {
        ...axis,
        scale: "y",
        grid,
        ticks: grid,
        size: 44,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20000],
      },
      { ...axis, scale: "sentiment", side: 1, grid: { show: false }, ticks: grid, size: 30, incrs: [1] },
    ],
    series: [
      {},
      bar("--high"),
      bar("--mid"),
      bar("--low"),
      {
        scale: "sentiment",
        stroke: colour("--ink"),
        width: 1.75,
        spanGaps: true,
        points: { show: buckets.length < 40 },
      },
    ],
    hooks: { setCursor: [(plot) => onBucket(plot.cursor.idx ?? null)] },
  };
}

function shortDay(day: string | undefined, width: Width): string {
  if (!day) return "";
  const how: Intl.DateTimeFormatOptions = width === "month" ? { year: "2-digit" } : { day: "numeric" };
  return new Date(`${day}T00:00Z`).toLocaleDateString(undefined, { month: "short", ...how, timeZone: "UTC" });
}

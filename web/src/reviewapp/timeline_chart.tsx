import { useMemo } from "react";
import uPlot from "uplot";
import { axisColours, type Drawn, Plot } from "@/ui/plot";
import type { Bucket, Width } from "./buckets";

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
  const data = useMemo(() => aligned(buckets), [buckets]);
  const drawn = useMemo(() => drawnFor(buckets, width), [buckets, width]);
  return <Plot label={label} height={240} data={data} drawn={drawn} onPoint={onBucket} />;
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

function drawnFor(buckets: readonly Bucket[], width: Width): Drawn {
  return (colour) => {
    const bars = uPlot.paths.bars?.({ size: [0.75, 40] });
    const { axis, grid } = axisColours(colour);
    const bar = (name: string) => ({
      scale: "y",
      fill: colour(name),
      width: 0,
      points: { show: false },
      ...(bars ? { paths: bars } : {}),
    });
    return {
      padding: [12, 0, 0, 0],
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
    };
  };
}

function shortDay(day: string | undefined, width: Width): string {
  if (!day) return "";
  const how: Intl.DateTimeFormatOptions = width === "month" ? { year: "2-digit" } : { day: "numeric" };
  return new Date(`${day}T00:00Z`).toLocaleDateString(undefined, { month: "short", ...how, timeZone: "UTC" });
}

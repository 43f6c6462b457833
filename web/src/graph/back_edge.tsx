import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";

const DEPTH = 16;

/** An edge that leads back, under the nodes. */
export function BackEdge({
  id,
  sourceX,
  sourceY,
  targetX,
  targetY,
  label,
  markerEnd,
  data,
}: EdgeProps<Edge<{ floor?: number | undefined }>>) {
  const low = Math.max(data?.floor ?? 0, sourceY + DEPTH, targetY + DEPTH);
  const bend = Math.min(DEPTH, Math.abs(sourceX - targetX) / 2);
  const way = Math.sign(targetX - sourceX) || -1;
  const path = [
    `M ${sourceX} ${sourceY}`,
    `L ${sourceX} ${low - bend}`,
    `Q ${sourceX} ${low} ${sourceX + way * bend} ${low}`,
    `L ${targetX - way * bend} ${low}`,
    `Q ${targetX} ${low} ${targetX} ${low - bend}`,
    `L ${targetX} ${targetY}`,
  ].join(" ");
  return (
    <BaseEdge
      id={id}
      path={path}
      label={label}
      labelX={(sourceX + targetX) / 2}
      labelY={low}
      {...(markerEnd ? { markerEnd } : {})}
    />
  );
}

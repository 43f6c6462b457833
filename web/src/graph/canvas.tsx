import "@xyflow/react/dist/base.css";
import "./graph.css";
import {
  Controls,
  type Edge,
  MarkerType,
  type Node,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
} from "@xyflow/react";
import { useEffect, useMemo } from "react";
import { BackEdge } from "./back_edge";
import type { FlowGraphProps } from "./flow_graph";
import { drawnEdges, type EdgeKind, type Graph } from "./graph";
import { type Box, floorsOf, layOut } from "./layout";
import { Live } from "./live";
import { type FlowNode, GroupFrame, StepCard } from "./nodes";

const nodeTypes = { step: StepCard, frame: GroupFrame };
const edgeTypes = { back: BackEdge };
const LABELS: Partial<Record<EdgeKind, string>> = { each: "each", watch: "watch", loop: "again" };
/** Room around the graph, and the least zoom at which its text can be read. */
const MARGIN = 16;
const READABLE = 0.6;
const FIT = { padding: 0.06, maxZoom: 1.1 };

/** The picture itself; `FlowGraph` loads it when it is first needed. */
export default function Canvas({ graph, states, selected, onSelect }: Omit<FlowGraphProps, "className">) {
  const boxes = useMemo(() => layOut(graph), [graph]);
  const nodes = useMemo(() => nodesOf(graph, boxes), [graph, boxes]);
  const edges = useMemo(() => edgesOf(graph, boxes), [graph, boxes]);
  const live = useMemo(
    () => ({ states: states ?? {}, selected: selected ?? null, onSelect }),
    [states, selected, onSelect],
  );
  return (
    <Live value={live}>
      <ReactFlowProvider>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          zoomOnDoubleClick={false}
          preventScrolling={false}
          zoomOnScroll={false}
          minZoom={0.1}
          maxZoom={2}
          proOptions={{ hideAttribution: true }}
          aria-label="Graph of the flow"
        >
          <Controls showInteractive={false} position="bottom-right" fitViewOptions={FIT} />
          <Refit boxes={boxes} />
        </ReactFlow>
      </ReactFlowProvider>
    </Live>
  );
}

/** Shows the graph anew when there is another one, or when its frame has another size: whole, or from its start where it would be too small to read. */
function Refit({ boxes }: { boxes: readonly Box[] }) {
  const flow = useReactFlow();
  const ready = useStore((store) => store.panZoom !== null);
  const width = useStore((store) => store.width);
  const height = useStore((store) => store.height);
  useEffect(() => {
    if (!ready || boxes.length === 0 || width === 0 || height === 0) return;
    const outer = boxes.filter((box) => box.parent === null);
    const right = Math.max(...outer.map((box) => box.x + box.width));
    const low = Math.max(...outer.map((box) => box.y + box.height));
    const whole = Math.min((width - 2 * MARGIN) / right, (height - 2 * MARGIN) / low, FIT.maxZoom);
    const zoom = Math.max(whole, READABLE);
    void flow.setViewport({
      zoom,
      x: Math.max(MARGIN, (width - right * zoom) / 2),
      y: Math.max(MARGIN, (height - low * zoom) / 2),
    });
  }, [flow, ready, boxes, width, height]);
  return null;
}

function nodesOf(graph: Graph, boxes: readonly Box[]): FlowNode[] {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  return boxes.flatMap((box): FlowNode[] => {
    const node = byId.get(box.id);
    if (!node) return [];
    const common: Omit<Node, "type" | "data"> = {
      id: box.id,
      position: { x: box.x, y: box.y },
      width: box.width,
      height: box.height,
      ...(box.parent === null ? {} : { parentId: box.parent }),
    };
    return [{ ...common, type: box.group ? "frame" : "step", data: { node } }];
  });
}

function edgesOf(graph: Graph, boxes: readonly Box[]): Edge[] {
  const floors = floorsOf(boxes);
  return drawnEdges(graph).map(({ from, to, kind }) => {
    const label = LABELS[kind];
    return {
      id: `${from} ${kind} ${to}`,
      source: from,
      target: to,
      type: kind === "loop" ? "back" : "default",
      className: `edge-${kind}`,
      focusable: false,
      zIndex: 1,
      markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--edge)" },
      ...(kind === "loop" ? { sourceHandle: "back", targetHandle: "back", data: { floor: floors.get(from) } } : {}),
      ...(label ? { label } : {}),
    };
  });
}

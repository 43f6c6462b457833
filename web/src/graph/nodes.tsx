import { Handle, type Node, type NodeProps, Position, useReactFlow } from "@xyflow/react";
import { clsx } from "clsx";
import {
  Bot,
  CircleDot,
  CircleHelp,
  Clock,
  GitBranch,
  Layers,
  type LucideIcon,
  Megaphone,
  RefreshCw,
  Scale,
  UserCheck,
  Workflow,
  Wrench,
} from "lucide-react";
import { type FocusEvent, memo } from "react";
import { type GraphNode, type NodeState, stateText, worker } from "./graph";
import { useLive } from "./live";

export type FlowNode = Node<{ node: GraphNode }>;

const ICONS: Record<string, LucideIcon> = {
  agent: Bot,
  tool: Wrench,
  judge: Scale,
  review: UserCheck,
  map: Layers,
  flow: Workflow,
  branch: GitBranch,
  loop: RefreshCw,
  wait: Clock,
  emit: Megaphone,
  node: CircleDot,
};

/** A step as a card: its kind, its name, who does it, how it stands. */
export const StepCard = memo(function StepCard({ data: { node } }: NodeProps<FlowNode>) {
  const { states, selected } = useLive();
  const state = states[node.id];
  return (
    <div
      className={clsx("graph-card size-full rounded-md border bg-card", selected === node.id && "graph-selected")}
      data-state={state?.status}
    >
      <Handles />
      <Named node={node} state={state}>
        <span className="min-w-0 flex-1 text-left">
          <span className="block truncate font-medium leading-5">{node.label}</span>
          <span className="block truncate text-xs leading-4 text-soft">{worker(node) || node.kind}</span>
        </span>
      </Named>
    </div>
  );
});

/** A loop, a map or another step that holds steps, as a frame around them. */
export const GroupFrame = memo(function GroupFrame({ data: { node } }: NodeProps<FlowNode>) {
  const { states, selected } = useLive();
  const state = states[node.id];
  return (
    <div
      className={clsx(
        "graph-group size-full rounded-lg border border-dashed",
        selected === node.id && "graph-selected",
      )}
      data-state={state?.status}
    >
      <Handles />
      <div className="h-8">
        <Named node={node} state={state}>
          <span className="truncate font-medium">{node.label}</span>
          <span className="shrink-0 text-xs text-soft">{node.kind}</span>
          <span className="flex-1" />
        </Named>
      </div>
    </div>
  );
});

function Named({
  node,
  state,
  children,
}: {
  node: GraphNode;
  state: NodeState | undefined;
  children: React.ReactNode;
}) {
  const { onSelect, selected } = useLive();
  const flow = useReactFlow();
  const Icon = ICONS[node.kind] ?? CircleHelp;
  const inside = (
    <>
      <Icon size={16} className="shrink-0 text-soft" aria-hidden />
      {children}
      {state && <Mark state={state} />}
    </>
  );
  const look = "flex size-full items-center gap-2 rounded-md px-2.5";
  const title = [node.kind, worker(node), node.model].filter(Boolean).join(" · ");
  if (!onSelect) {
    return (
      <div className={look} title={title}>
        {inside}
      </div>
    );
  }
  /** Brings a node that was reached by keyboard into sight. */
  function show(event: FocusEvent<HTMLElement>) {
    if (event.currentTarget.matches(":focus-visible"))
      void flow.fitView({ nodes: [{ id: node.id }], maxZoom: flow.getZoom(), minZoom: flow.getZoom() });
  }
  return (
    <button
      type="button"
      title={title}
      aria-pressed={selected === node.id}
      className={clsx(look, "nodrag nopan")}
      onFocus={show}
      onClick={() => onSelect(node.id)}
    >
      {inside}
    </button>
  );
}

function Mark({ state }: { state: NodeState }) {
  return (
    <span className="graph-mark flex shrink-0 items-center gap-1 text-xs tabular-nums">
      {state.count !== undefined && state.count > 1 && <span aria-hidden>×{state.count}</span>}
      <span className="size-2 rounded-full bg-current" aria-hidden />
      <span className="sr-only">{stateText(state)}</span>
    </span>
  );
}

function Handles() {
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <Handle type="source" position={Position.Right} isConnectable={false} />
      <Handle type="source" id="back" position={Position.Bottom} isConnectable={false} />
      <Handle type="target" id="back" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

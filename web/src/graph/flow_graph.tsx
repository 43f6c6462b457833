import { lazy, Suspense } from "react";
import { type Graph, type NodeStates, sentence } from "./graph";

const Canvas = lazy(() => import("./canvas"));

export interface FlowGraphProps {
  graph: Graph;
  /** How nodes stand, by id; those that are not named have no state. */
  states?: NodeStates | undefined;
  selected?: string | null | undefined;
  onSelect?: ((id: string) => void) | undefined;
  className?: string | undefined;
}

/** A flow as a picture that can be moved and zoomed, and as a list for those who do not see it. New states only recolour it. */
export function FlowGraph({ className = "h-96", ...rest }: FlowGraphProps) {
  return (
    <div className={className}>
      <Suspense fallback={<p className="p-4 text-soft">Drawing…</p>}>
        <Canvas {...rest} />
      </Suspense>
      <ol className="sr-only" aria-label="Steps of the flow">
        {rest.graph.nodes.map((node) => (
          <li key={node.id}>{sentence(node, rest.graph, rest.states?.[node.id])}</li>
        ))}
      </ol>
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, body } from "@/api/client";
import { FlowGraph } from "@/graph/flow_graph";
import type { NodeStates } from "@/graph/graph";
import type { ScoreStore } from "@/score/store";
import { withoutIndices } from "@/stream/paths";
import { stepOf } from "@/stream/run_nodes";
import { Failure } from "@/ui/failure";
import { nodeStates } from "./node_states";

interface Props {
  store: ScoreStore;
  runId: string;
  chosen: string | null;
  onChoose: (path: string) => void;
}

/** The flow's graph with the states of this run at the time shown. */
export function GraphSheet({ store, runId, chosen, onChoose }: Props) {
  const graph = useQuery({
    queryKey: ["run", runId, "graph"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => body(api.GET("/v1/runs/{run_id}/graph", { params: { path: { run_id: runId } } })),
  });
  const states = useStates(store);
  if (graph.isLoadingError) return <Failure error={graph.error} retry={() => void graph.refetch()} />;
  if (!graph.data) return <p className="p-4 text-soft">Loading…</p>;
  const choose = (chosenId: string) => {
    const id = stepOf(chosenId);
    const turns = [...store.score.entries.keys()].filter((path) => withoutIndices(path) === id);
    const last = turns[turns.length - 1];
    if (last !== undefined) onChoose(last);
  };
  return (
    <FlowGraph
      className="h-60"
      graph={graph.data}
      states={states}
      selected={chosen === null ? null : withoutIndices(chosen)}
      onSelect={choose}
    />
  );
}

/** The nodes' states; a new object only when one of them has changed. */
function useStates(store: ScoreStore): NodeStates {
  const [states, setStates] = useState<NodeStates>({});
  useEffect(() => {
    let known = "";
    let seen = "";
    return store.paintWith(() => {
      const place = `${store.score.structure} ${store.cursor === null ? "live" : Math.round(store.shown / 100)}`;
      if (place === seen) return;
      seen = place;
      const now = nodeStates(store.score, store.shown);
      const text = JSON.stringify(now);
      if (text === known) return;
      known = text;
      setStates(now);
    });
  }, [store]);
  return states;
}

import type { NodeState, NodeStates, NodeStatus } from "@/graph/graph";
import type { Entry } from "@/stream/entry";
import { withoutIndices } from "@/stream/paths";
import { nodeLine } from "@/stream/run_nodes";
import type { RunScore } from "@/stream/run_score";

const STRENGTH: Record<NodeStatus, number> = { idle: 0, skipped: 1, done: 2, failed: 3, waiting: 4, working: 5 };

/** How each node of the graph stood at a time, ms: what is at work among its turns and items counts most. */
export function nodeStates(score: RunScore, time: number): NodeStates {
  const states: Record<string, NodeState> = {};
  const note = (id: string, status: NodeStatus, begun: number) => {
    const before = states[id];
    const stronger = before && STRENGTH[before.status] >= STRENGTH[status] ? before.status : status;
    states[id] = { status: stronger, count: (before?.count ?? 0) + begun };
  };
  for (const entry of score.entries.values()) {
    if (entry.from > time || score.isContainer(entry.path)) continue;
    const status = statusAt(entry, time);
    const id = withoutIndices(entry.path);
    note(id, status, 1);
    for (let dot = id.lastIndexOf("."); dot > 0; dot = id.lastIndexOf(".", dot - 1)) note(id.slice(0, dot), status, 0);
  }
  const failedUntil = new Map<string, number>();
  for (const entry of score.nodes.entries.values()) {
    if (!entry.node || entry.from > time) continue;
    const id = nodeLine(entry.node.step, entry.node.name);
    const status = statusAt(entry, time);
    const before = states[id];
    // A failure counts until the node is at work anew.
    if (before?.status === "failed" && entry.from >= (failedUntil.get(id) ?? 0)) states[id] = { ...before, status };
    if (status === "failed") failedUntil.set(id, Math.max(failedUntil.get(id) ?? 0, entry.to ?? time));
    note(id, status, 1);
  }
  return states;
}

/** How a step stood at a time, ms. */
export function statusAt(entry: Entry, time: number): NodeStatus {
  if (entry.to !== null && time >= entry.to) {
    if (entry.outcome === "failed") return "failed";
    return entry.outcome === "skipped" || entry.outcome === "dropped" ? "skipped" : "done";
  }
  const waits = entry.pauses.some((pause) => pause.from <= time && (pause.to === null || time < pause.to));
  return waits ? "waiting" : "working";
}

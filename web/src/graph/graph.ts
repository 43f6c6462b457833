/** What a flow looks like as nodes and edges, as `GET /v1/flows/{name}/graph` tells it. */

export type EdgeKind = "after" | "each" | "watch" | "loop" | "data";

export interface GraphNode {
  /** The step's path without indices, such as `build.code`. */
  id: string;
  kind: string;
  label: string;
  /** The loop, map, branch or sub-flow that it stands in. */
  parent: string | null;
  agent?: string | null | undefined;
  model?: string | null | undefined;
  tool?: string | null | undefined;
  flow?: string | null | undefined;
}

export interface GraphEdge {
  from: string;
  to: string;
  kind: EdgeKind;
}

export interface Graph {
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
}

export type NodeStatus = "idle" | "working" | "waiting" | "done" | "failed" | "skipped";

/** How a node stands; `count` is how many times it has been begun, where that is more than once. */
export interface NodeState {
  status: NodeStatus;
  count?: number;
}

export type NodeStates = Readonly<Record<string, NodeState>>;

/** What does a node's work, in a word or two: its agent, tool or sub-flow. */
export function worker(node: GraphNode): string {
  if (node.agent) return node.agent;
  if (node.tool) return node.tool;
  if (node.flow) return node.flow;
  return "";
}

const SAID: Record<EdgeKind, string> = {
  after: "after",
  data: "after",
  each: "for each piece of",
  watch: "watching",
  loop: "again after",
};

/** A node and what it waits for, as one line to read. */
export function sentence(node: GraphNode, graph: Graph, state: NodeState | undefined): string {
  const who = worker(node);
  const reasons = new Map<string, Set<string>>();
  for (const edge of shownEdges(graph)) {
    if (edge.to !== node.id || edge.from === node.id) continue;
    const said = SAID[edge.kind];
    reasons.set(said, (reasons.get(said) ?? new Set()).add(edge.from));
  }
  const waits = [...reasons].map(([said, from]) => `${said} ${[...from].join(", ")}`);
  const where = node.parent ? [`in ${node.parent}`] : [];
  const parts = [`${node.kind}${who ? ` ${who}` : ""}`, ...where, ...waits, ...(state ? [stateText(state)] : [])];
  return `${node.label}: ${parts.join("; ")}`;
}

/** A state in words. */
export function stateText(state: NodeState): string {
  const times = state.count && state.count > 1 ? `, ${state.count} times` : "";
  return `${state.status}${times}`;
}

const STRENGTH: Record<EdgeKind, number> = { data: 0, after: 1, loop: 2, watch: 3, each: 4 };

/** The edges to draw: one between two nodes in one direction, the one that says most; none that lead nowhere. */
export function shownEdges(graph: Graph): GraphEdge[] {
  const known = new Set(graph.nodes.map((node) => node.id));
  const best = new Map<string, GraphEdge>();
  for (const edge of graph.edges) {
    if (!known.has(edge.from) || !known.has(edge.to)) continue;
    const key = JSON.stringify([edge.from, edge.to]);
    const other = best.get(key);
    if (!other || STRENGTH[edge.kind] > STRENGTH[other.kind]) best.set(key, edge);
  }
  return [...best.values()];
}

/** The edges as they are drawn: one that leads into or out of a group ends at the group, so that none runs across its steps. */
export function drawnEdges(graph: Graph): GraphEdge[] {
  const parents = new Map(graph.nodes.map((node) => [node.id, node.parent]));
  const wayOf = (id: string): string[] => {
    const way = [id];
    for (let at = parents.get(id); at && parents.has(at) && !way.includes(at); at = parents.get(at)) way.unshift(at);
    return way;
  };
  const edges = graph.edges.flatMap((edge) => {
    const from = wayOf(edge.from);
    const to = wayOf(edge.to);
    const parting = from.findIndex((id, index) => id !== to[index]);
    const [start, end] = [from[parting], to[parting]];
    return start !== undefined && end !== undefined ? [{ from: start, to: end, kind: edge.kind }] : [];
  });
  return shownEdges({ nodes: graph.nodes, edges });
}

/** Where the nodes of a graph stand: in layers from left to right, groups as boxes of their own (after Sugiyama's method). */

import { type Graph, type GraphEdge, type GraphNode, shownEdges } from "./graph";

export const NODE_WIDTH = 184;
export const NODE_HEIGHT = 54;
export const GROUP_HEAD = 34;
const GAP_X = 72;
const GAP_Y = 22;
const PADDING = 18;
/** Room under a group's nodes, where edges lead back. */
const BACK_ROOM = 30;
const SWEEPS = 4;

/** A node's place, relative to its group's corner. */
export interface Box {
  id: string;
  parent: string | null;
  x: number;
  y: number;
  width: number;
  height: number;
  group: boolean;
}

/** Lays a graph out. Groups come before what stands in them. A parent that is unknown counts as none. */
export function layOut(graph: Graph): Box[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const children = new Map<string | null, string[]>();
  for (const node of graph.nodes) {
    const parent = parentOf(node, nodes);
    children.set(parent, [...(children.get(parent) ?? []), node.id]);
  }
  const edges = shownEdges(graph);
  const boxes: Box[] = [];

  function place(group: string | null): { width: number; height: number } {
    const members = children.get(group) ?? [];
    const inner = new Map<string, Box[]>();
    const size = new Map<string, { width: number; height: number }>();
    for (const id of members) {
      const start = boxes.length;
      size.set(id, children.has(id) ? place(id) : { width: NODE_WIDTH, height: NODE_HEIGHT });
      inner.set(id, boxes.splice(start));
    }
    const own = edgesBetween(members, edges, nodes);
    const order = ordered(members, own);
    const top = group === null ? 0 : GROUP_HEAD + PADDING / 2;
    const side = group === null ? 0 : PADDING;
    const heights = order.map((layer) => stackHeight(layer, size));
    const tallest = Math.max(0, ...heights);
    let x = side;
    order.forEach((layer, index) => {
      const width = Math.max(...layer.map((id) => size.get(id)?.width ?? 0));
      let y = top + (tallest - (heights[index] ?? 0)) / 2;
      for (const id of layer) {
        const each = size.get(id) ?? { width: NODE_WIDTH, height: NODE_HEIGHT };
        boxes.push({ id, parent: group, x, y, ...each, group: children.has(id) }, ...(inner.get(id) ?? []));
        y += each.height + GAP_Y;
      }
      x += width + GAP_X;
    });
    const back = own.some((edge) => edge.kind === "loop") ? BACK_ROOM : 0;
    return {
      width: Math.max(x - GAP_X + side, group === null ? 0 : NODE_WIDTH + 2 * PADDING),
      height: top + tallest + back + (group === null ? 0 : PADDING),
    };
  }
  place(null);
  return boxes;
}

/** How far down, from the picture's top, an edge that leads back from a node runs: under all that stands beside it. */
export function floorsOf(boxes: readonly Box[]): Map<string, number> {
  const top = new Map<string | null, number>([[null, 0]]);
  const lowest = new Map<string | null, number>();
  for (const box of boxes) {
    const y = (top.get(box.parent) ?? 0) + box.y;
    top.set(box.id, y);
    lowest.set(box.parent, Math.max(lowest.get(box.parent) ?? 0, y + box.height));
  }
  return new Map(boxes.map((box) => [box.id, (lowest.get(box.parent) ?? 0) + BACK_ROOM / 2]));
}

function parentOf(node: GraphNode, nodes: ReadonlyMap<string, GraphNode>): string | null {
  const seen = new Set([node.id]);
  for (let at = node.parent; at !== null; at = nodes.get(at)?.parent ?? null) {
    if (seen.has(at)) return null;
    seen.add(at);
  }
  return node.parent !== null && nodes.has(node.parent) ? node.parent : null;
}

function stackHeight(layer: readonly string[], size: ReadonlyMap<string, { height: number }>): number {
  return layer.reduce((sum, id) => sum + (size.get(id)?.height ?? 0) + GAP_Y, -GAP_Y);
}

/** Edges as they look from one group: an end inside a member counts as that member. */
function edgesBetween(
  members: readonly string[],
  edges: readonly GraphEdge[],
  nodes: ReadonlyMap<string, GraphNode>,
): GraphEdge[] {
  const inside = new Set(members);
  const memberOf = (id: string): string | null => {
    const seen = new Set<string>();
    for (let at: string | null = id; at !== null && !seen.has(at); at = nodes.get(at)?.parent ?? null) {
      if (inside.has(at)) return at;
      seen.add(at);
    }
    return null;
  };
  return edges.flatMap((edge) => {
    const from = memberOf(edge.from);
    const to = memberOf(edge.to);
    return from !== null && to !== null && from !== to ? [{ from, to, kind: edge.kind }] : [];
  });
}

/** Each node's layer: the longest way to it. Edges that lead back, in a loop or a cycle, do not count. */
export function layersOf(members: readonly string[], edges: readonly GraphEdge[]): Map<string, number> {
  const into = new Map<string, string[]>(members.map((id) => [id, []]));
  for (const edge of edges) if (edge.kind !== "loop") into.get(edge.to)?.push(edge.from);
  const layers = new Map<string, number>();
  const open = new Set<string>();
  const visit = (id: string): number => {
    const known = layers.get(id);
    if (known !== undefined) return known;
    open.add(id);
    let layer = 0;
    for (const from of into.get(id) ?? [])
      if (!open.has(from) && into.has(from)) layer = Math.max(layer, visit(from) + 1);
    open.delete(id);
    layers.set(id, layer);
    return layer;
  };
  for (const id of members) visit(id);
  return layers;
}

/** The layers in order; within one, nodes stand near those that they are tied to, so that few edges cross. */
function ordered(members: readonly string[], edges: readonly GraphEdge[]): string[][] {
  const layer = layersOf(members, edges);
  const rows: string[][] = [];
  for (const id of members) {
    const index = layer.get(id) ?? 0;
    while (rows.length <= index) rows.push([]);
    rows[index]?.push(id);
  }
  const filled = rows.filter((row) => row.length > 0);
  const tied = new Map<string, string[]>(members.map((id) => [id, []]));
  for (const { from, to } of edges) {
    tied.get(from)?.push(to);
    tied.get(to)?.push(from);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const spot = new Map(filled.flatMap((row) => row.map((id, index) => [id, (index + 0.5) / row.length] as const)));
    for (const row of filled) {
      const middle = new Map(
        row.map((id) => {
          const spots = (tied.get(id) ?? []).flatMap((other) => spot.get(other) ?? []);
          return [id, spots.length ? spots.reduce((a, b) => a + b, 0) / spots.length : (spot.get(id) ?? 0)] as const;
        }),
      );
      row.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
      row.forEach((id, index) => {
        spot.set(id, (index + 0.5) / row.length);
      });
    }
  }
  return filled;
}

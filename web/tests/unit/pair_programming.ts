import type { Graph, GraphNode } from "@/graph/graph";

const node = (id: string, kind: string, more: Partial<GraphNode> = {}): GraphNode => ({
  id,
  kind,
  label: id.split(".").at(-1) ?? id,
  parent: id.includes(".") ? id.slice(0, id.lastIndexOf(".")) : null,
  agent: null,
  model: null,
  tool: null,
  flow: null,
  ...more,
});

/** The flow of `examples/pair-programming.yaml` as the API tells it. */
export const pairProgramming: Graph = {
  nodes: [
    node("design", "agent", { agent: "architect", model: "strong" }),
    node("build", "loop"),
    node("build.code", "agent", { agent: "coder", model: "code" }),
    node("build.notes", "agent", { agent: "reviewer", model: "strong" }),
    node("build.guard", "agent", { agent: "sentinel", model: "fast" }),
    node("build.review", "agent", { agent: "reviewer", model: "strong" }),
    node("test", "tool", { tool: "python.test" }),
  ],
  edges: [
    { from: "design", to: "build.code", kind: "data" },
    { from: "build.review", to: "build.code", kind: "loop" },
    { from: "build.code", to: "build.notes", kind: "each" },
    { from: "build.code", to: "build.guard", kind: "watch" },
    { from: "build.code", to: "build.review", kind: "data" },
    { from: "build.notes", to: "build.review", kind: "data" },
    { from: "build.code", to: "test", kind: "data" },
    { from: "build", to: "test", kind: "after" },
  ],
};

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawnEdges, type EdgeKind, type Graph, sentence, shownEdges } from "@/graph/graph";
import { type Box, layersOf, layOut } from "@/graph/layout";
import { pairProgramming } from "./pair_programming";

const kinds = fc.constantFrom<EdgeKind>("after", "each", "watch", "loop", "data");

const anyGraph: fc.Arbitrary<Graph> = fc.integer({ min: 0, max: 14 }).chain((size) =>
  fc.record({
    nodes: fc.tuple(
      ...Array.from({ length: size }, (_, index) =>
        fc.record({
          id: fc.constant(`n${index}`),
          kind: fc.constant("agent"),
          label: fc.constant(`n${index}`),
          parent: fc.option(fc.integer({ min: 0, max: 16 }).map((parent) => `n${parent}`)),
        }),
      ),
    ),
    edges: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 16 }).map((index) => `n${index}`),
        to: fc.integer({ min: 0, max: 16 }).map((index) => `n${index}`),
        kind: kinds,
      }),
      { maxLength: 30 },
    ),
  }),
);

function box(boxes: readonly Box[], id: string): Box {
  const found = boxes.find((each) => each.id === id);
  if (!found) throw new Error(`no box ${id}`);
  return found;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe("laying a graph out", () => {
  it("places every node once, inside its group, and lets no two overlap", () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const boxes = layOut(graph);
        expect(boxes.map((each) => each.id).sort()).toEqual(graph.nodes.map((node) => node.id).sort());
        boxes.forEach((each, index) => {
          if (each.parent !== null) {
            const group = boxes.findIndex((other) => other.id === each.parent);
            expect(group).toBeLessThan(index);
            const around = box(boxes, each.parent);
            expect(each.x + each.width).toBeLessThanOrEqual(around.width);
            expect(each.y + each.height).toBeLessThanOrEqual(around.height);
            expect(Math.min(each.x, each.y)).toBeGreaterThan(0);
          }
          for (const other of boxes.slice(index + 1)) {
            if (other.parent === each.parent) expect(overlap(each, other)).toBe(false);
          }
        });
      }),
    );
  });

  it("puts what comes later further to the right", () => {
    const boxes = layOut(pairProgramming);
    for (const [before, after] of [
      ["design", "build"],
      ["build", "test"],
      ["build.code", "build.notes"],
      ["build.notes", "build.review"],
    ] as const) {
      const first = box(boxes, before);
      expect(box(boxes, after).x).toBeGreaterThanOrEqual(first.x + first.width);
    }
  });

  it("takes the longest way as a node's layer, and no notice of ways back", () => {
    const edge = (from: string, to: string, kind: EdgeKind = "after") => ({ from, to, kind });
    const layers = layersOf(["a", "b", "c"], [edge("a", "b"), edge("b", "c"), edge("a", "c"), edge("c", "a", "loop")]);
    expect(Object.fromEntries(layers)).toEqual({ a: 0, b: 1, c: 2 });
    const ring = layersOf(["a", "b"], [edge("a", "b"), edge("b", "a")]);
    expect([...ring.values()].sort()).toEqual([0, 1]);
  });
});

describe("the edges of a graph", () => {
  it("are one for each pair, the one that says most, and none leads nowhere", () => {
    const node = (id: string) => ({ id, kind: "agent", label: id, parent: null });
    const edges = shownEdges({
      nodes: [node("a"), node("b")],
      edges: [
        { from: "a", to: "b", kind: "data" },
        { from: "a", to: "b", kind: "each" },
        { from: "a", to: "elsewhere", kind: "after" },
      ],
    });
    expect(edges).toEqual([{ from: "a", to: "b", kind: "each" }]);
  });

  it("end at a group where they lead into it or out of it", () => {
    const edges = drawnEdges(pairProgramming).map(({ from, to, kind }) => `${from} ${kind} ${to}`);
    expect(edges).toContain("design data build");
    expect(edges).toContain("build after test");
    expect(edges).toContain("build.code each build.notes");
    expect(edges).toHaveLength(pairProgramming.edges.length - 1);
  });

  it("are told in words", () => {
    const review = pairProgramming.nodes.find((node) => node.id === "build.review");
    if (!review) throw new Error("no review");
    expect(sentence(review, pairProgramming, { status: "done", count: 3 })).toBe(
      "review: agent reviewer; in build; after build.code, build.notes; done, 3 times",
    );
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { nodeStates } from "@/runs/node_states";
import type { FactEvent } from "@/stream/events";
import { stepOf } from "@/stream/run_nodes";
import { RunScore } from "@/stream/run_score";

const START = Date.parse("2026-01-02T03:04:05Z");
type Told = [name: string, step: string | null, ms: number, data?: Record<string, unknown>];

function events(told: Told[]): FactEvent[] {
  return told.map(([name, step, ms, data = {}], index) => {
    const seq = index + 1;
    return { event: "fact", id: String(seq), seq, name, step, data, at: new Date(START + ms).toISOString() };
  });
}

function scoreOf(told: Told[]): RunScore {
  const score = new RunScore();
  for (const event of events(told)) score.take(event);
  return score;
}

const node = (task: string, name: string, rest: Record<string, unknown> = {}) => ({ task, node: name, ...rest });
const shown = (score: RunScore) =>
  score.lines.map((line) => `${line.depth} ${line.key}${line.lane ? ` ${line.lane}` : ""}`);
const stands = (score: RunScore, name: string) => {
  const entry = score.nodes.entries.get(name);
  return entry && [entry.from - START, entry.to === null ? null : entry.to - START, entry.outcome];
};

test("nodes have lines under their step's, turns are entries of one, and what works together has lanes", () => {
  const score = scoreOf([
    ["RunAccepted", null, 0, { flow: "desk" }],
    ["StepStarted", "graph", 10, { attempt: 1 }],
    ["StepStarted", "after", 11, { attempt: 1 }],
    ["NodeStarted", "graph", 20, node("a", "draft")],
    ["NodeStarted", "graph", 20, node("b", "check", { inside: "inner" })],
    ["NodeStarted", "graph", 25, node("c", "draft")],
    ["NodeEnded", "graph", 30, node("a", "draft")],
    ["NodeStarted", "graph", 40, node("d", "draft")],
    ["NodeEnded", "graph", 45, node("b", "check", { inside: "inner", outcome: "failed", error: "away" })],
  ]);
  expect(shown(score)).toEqual(["0 graph", "1 graph › draft", "1 graph › draft 1", "1 graph › inner/check", "0 after"]);
  expect(score.lines[1]?.entries.map((entry) => entry.path)).toEqual(["graph › draft", "graph › draft #3"]);
  expect(stands(score, "graph › draft")).toEqual([20, 30, "done"]);
  expect(stands(score, "graph › draft #2")).toEqual([25, null, "working"]);
  expect(stands(score, "graph › inner/check")).toEqual([20, 45, "failed"]);
  expect(score.nodes.of("graph", START + 50)).toEqual([
    { name: "draft", times: 3, tookMs: 45, working: 2, asking: 0, error: "" },
    { name: "inner/check", times: 1, tookMs: 25, working: 0, asking: 0, error: "away" },
  ]);
  expect(score.entries.size).toBe(2); // nodes are no steps
});

test("a node that asks goes on with the answer, and the wait is no work", () => {
  const score = scoreOf([
    ["StepStarted", "graph", 0, { attempt: 1 }],
    ["NodeStarted", "graph", 10, node("a", "ask")],
    ["NodeEnded", "graph", 20, node("a", "ask", { outcome: "interrupted" })],
    ["RunClaimed", null, 500],
    ["StepStarted", "graph", 501, { attempt: 2 }],
    ["NodeStarted", "graph", 1_000, node("a", "ask")],
    ["NodeEnded", "graph", 1_005, node("a", "ask")],
  ]);
  expect(stands(score, "graph › ask")).toEqual([10, 1_005, "done"]);
  expect(score.nodes.entries.get("graph › ask")?.pauses).toMatchObject([{ from: START + 20, to: START + 1_000 }]);
  expect(score.nodes.of("graph", START + 2_000)).toMatchObject([{ times: 1, tookMs: 15 }]);
});

test("a process that dies, and a step that fails, cut off what works in it", () => {
  const score = scoreOf([
    ["StepStarted", "graph", 0, { attempt: 1 }],
    ["NodeStarted", "graph", 10, node("a", "draft")],
    ["RunClaimed", null, 50],
    ["StepStarted", "graph", 51, { attempt: 2 }],
    ["NodeStarted", "graph", 60, node("a", "draft")],
    ["NodeStarted", "graph", 60, node("b", "beside")],
    ["NodeEnded", "graph", 70, node("a", "draft", { outcome: "failed", error: "away" })],
    ["StepFailed", "graph", 71, { attempt: 2, error: "away", retry_in_s: 1 }],
  ]);
  expect(stands(score, "graph › draft")).toEqual([10, 50, "cut"]);
  expect(stands(score, "graph › draft #2")).toEqual([60, 70, "failed"]);
  expect(stands(score, "graph › beside")).toEqual([60, 71, "cut"]);
});

test("the graph's picture has a node's state: a failure until it is at work anew", () => {
  const told: Told[] = [
    ["StepStarted", "fan[3].graph", 0, { attempt: 1 }],
    ["NodeStarted", "fan[3].graph", 10, node("a", "draft")],
    ["NodeStarted", "fan[3].graph", 12, node("b", "draft")],
    ["NodeEnded", "fan[3].graph", 20, node("a", "draft", { outcome: "failed", error: "away" })],
    ["NodeEnded", "fan[3].graph", 22, node("b", "draft")],
    ["NodeStarted", "fan[3].graph", 30, node("a", "draft")],
    ["NodeEnded", "fan[3].graph", 40, node("a", "draft")],
  ];
  const states = (ms: number) => nodeStates(scoreOf(told), START + ms)["fan.graph › draft"];
  expect(states(15)).toEqual({ status: "working", count: 2 });
  expect(states(25)).toEqual({ status: "failed", count: 2 });
  expect(states(35)).toEqual({ status: "working", count: 3 });
  expect(states(45)).toEqual({ status: "done", count: 3 });
  expect(stepOf("fan.graph › inner/draft")).toBe("fan.graph");
  expect(stepOf("fan.graph")).toBe("fan.graph");
});

test("where nodes are passed over, a failure has its length all the same", () => {
  const score = scoreOf([
    ["StepStarted", "graph", 0, { attempt: 1 }],
    ["NodesPassedOver", "graph", 10, { attempt: 1, after: 500 }],
    ["NodeEnded", "graph", 900, node("z", "late", { outcome: "failed", error: "gone", took_s: 0.5 })],
  ]);
  expect(stands(score, "graph › late")).toEqual([400, 900, "failed"]);
  expect(score.nodes.passedOver.get("graph")).toBe(500);
});

/** What may happen in two graphs, in any order: a number says which node, in which step, and what it does. */
const happens = fc.record({
  step: fc.constantFrom("one", "fan[0].graph", "fan[1].graph"),
  task: fc.nat({ max: 4 }),
  what: fc.constantFrom("begin", "end", "fail", "ask", "die", "retry"),
  ms: fc.nat({ max: 40 }),
});

test("entries of a line never overlap, lines stay under their steps', and nothing works after the end", () => {
  fc.assert(
    fc.property(fc.array(happens, { maxLength: 60 }), (all) => {
      let now = 100;
      const told: Told[] = [
        ["RunAccepted", null, 0, { flow: "two" }],
        ["StepStarted", "one", 1, { attempt: 1 }],
        ["StepStarted", "fan[0].graph", 2, { attempt: 1 }],
        ["StepStarted", "fan[1].graph", 2, { attempt: 1 }],
        ["StepStarted", "last", 3, { attempt: 1 }],
      ];
      for (const { step, task, what, ms } of all) {
        now += ms;
        const data = node(`t${task}`, `n${task % 3}`, task % 2 ? { inside: "deep" } : {});
        if (what === "begin") told.push(["NodeStarted", step, now, data]);
        else if (what === "die") told.push(["RunClaimed", null, now]);
        else if (what === "retry") told.push(["StepFailed", step, now, { error: "x", retry_in_s: 1 }]);
        else {
          const outcome = { end: "done", fail: "failed", ask: "interrupted" }[what];
          told.push(["NodeEnded", step, now, { ...data, outcome, took_s: ms / 1000 }]);
        }
      }
      told.push(["RunFailed", null, now + 1, { error: "x" }]);
      const score = scoreOf(told);
      for (const line of score.lines) {
        for (let at = 1; at < line.entries.length; at++) {
          const [before, after] = [line.entries[at - 1], line.entries[at]];
          expect(before?.to).not.toBeNull();
          expect(before?.to ?? 0).toBeLessThanOrEqual(after?.from ?? 0);
        }
        if (line.of !== null) {
          const above = score.lines[score.lines.indexOf(line) - 1];
          expect([above?.key, above?.of]).toContain(line.of);
        }
      }
      for (const entry of score.nodes.entries.values()) {
        expect(entry.to).not.toBeNull();
        expect(entry.to ?? 0).toBeGreaterThanOrEqual(entry.from);
        for (const pause of entry.pauses) expect(pause.to).not.toBeNull();
      }
      const again = new RunScore();
      for (const event of events(told)) {
        again.take(event);
        again.take(event);
      }
      expect(shown(again)).toEqual(shown(score));
    }),
  );
});

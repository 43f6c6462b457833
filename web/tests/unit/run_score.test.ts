import fc from "fast-check";
import { expect, test } from "vitest";
import { nodeStates } from "@/runs/node_states";
import { LONGEST_REST_MS, Scale, scaleOf } from "@/score/scale";
import type { FactEvent, StreamEvent } from "@/stream/events";
import { parents, withoutIndices } from "@/stream/paths";
import { RunScore } from "@/stream/run_score";

const START = Date.parse("2026-01-02T03:04:05Z");
const at = (ms: number) => new Date(START + ms).toISOString();
let seq = 0;

function fact(name: string, step: string | null, ms: number, data: Record<string, unknown> = {}): FactEvent {
  seq += 1;
  return { event: "fact", id: String(seq), seq, name, step, data, at: at(ms) };
}

function text(step: string, offset: number, words: string, ms: number): StreamEvent {
  return { event: "text", id: `${seq}!`, step, attempt: 1, offset, text: words, at: at(ms) };
}

function retract(step: string, from: number): StreamEvent {
  seq += 1;
  return { event: "retract", id: String(seq), seq, step, from_offset: from, reason: "failed over" };
}

function scoreOf(events: StreamEvent[]): RunScore {
  const score = new RunScore();
  for (const event of events) score.take(event);
  return score;
}

test("a run's voices, their text, retractions and ends are told by its events", () => {
  const score = scoreOf([
    fact("RunAccepted", null, 0, { flow: "duet" }),
    fact("RunClaimed", null, 5),
    fact("StepStarted", "draft", 10, { attempt: 1 }),
    text("draft", 0, "Once upon", 100),
    retract("draft", 5),
    text("draft", 5, "more", 300),
    fact("StepCompleted", "draft", 400, { usage: { output_tokens: 3, cost_usd: "0.5", simulated: true } }),
    fact("RunCompleted", null, 500, { output: "Once more" }),
    { event: "end", id: "9", seq, status: "completed" },
  ]);
  const draft = score.entries.get("draft");
  expect(draft?.live.standing).toBe("Once more");
  expect(draft?.live.spans.map((span) => [span.text, span.struck])).toEqual([
    ["Once ", null],
    ["upon", "failed over"],
    ["more", null],
  ]);
  expect(draft?.outcome).toBe("done");
  expect(draft?.textAt(START + 200, null).text.standing).toBe("Once ");
  expect(score.status).toBe("completed");
  expect(score.spentAt(START + 400)).toMatchObject({ costUsd: 0.5, output: 3, simulated: true });
  expect(score.spentAt(START + 399).costUsd).toBe(0);
});

test("a step that asks a person waits in the score, and goes on with the answer without being tried again", () => {
  const score = scoreOf([
    fact("RunAccepted", null, 0, { flow: "desk" }),
    fact("StepStarted", "desk", 10, { attempt: 1 }),
    fact("PersonAsked", "desk", 100, { attempt: 1, question: "k", text: "Send it?" }),
    fact("StepRested", "desk", 100, { attempt: 1 }),
    fact("RunRested", null, 101, { status: "waiting" }),
  ]);
  const desk = score.entries.get("desk");
  expect(score.status).toBe("waiting");
  expect(desk?.outcome).toBe("waiting");
  expect(desk?.pauses).toMatchObject([{ kind: "review", label: "Send it?", to: null, review: "desk" }]);
  for (const event of [
    fact("RunClaimed", null, 500),
    fact("PersonAnswered", "desk", 501, { question: "k", verdict: "approve", by: "ann" }),
    fact("StepStarted", "desk", 502, { attempt: 2 }),
  ])
    score.take(event);
  expect(desk?.outcome).toBe("working");
  expect(desk?.pauses[0]?.to).toBe(START + 501);
  expect(desk?.marks.map((mark) => mark.label)).toEqual(["approved by ann"]);
  for (const event of [
    fact("StepFailed", "desk", 600, { attempt: 2, error: "off", retry_in_s: 1 }),
    fact("StepStarted", "desk", 1600, { attempt: 3 }),
  ])
    score.take(event);
  expect(desk?.marks.map((mark) => mark.label)).toEqual(["approved by ann", "off", "attempt 2"]);
});

test("what comes twice counts once", () => {
  seq = 0;
  const events = [
    fact("RunAccepted", null, 0, { flow: "duet" }),
    fact("StepStarted", "draft", 10, { attempt: 1 }),
    text("draft", 0, "Once ", 100),
    text("draft", 5, "upon", 110),
    fact("StepCompleted", "draft", 400, { usage: { output_tokens: 2 } }),
  ];
  fc.assert(
    fc.property(fc.array(fc.nat({ max: events.length - 1 })), (again) => {
      const score = scoreOf(events);
      for (const from of again) for (const event of events.slice(from)) score.take(event);
      expect(score.entries.get("draft")?.live.standing).toBe("Once upon");
      expect(score.facts).toHaveLength(3);
      expect(score.spentAt(START + 1_000).output).toBe(2);
    }),
  );
});

test("a step that holds others has no line; what sounds together has a lane each", () => {
  const score = scoreOf([
    fact("RunAccepted", null, 0, { flow: "fan" }),
    fact("StepStarted", "fan", 10, { attempt: 1 }),
    fact("StepStarted", "fan[0].write", 20, { attempt: 1 }),
    fact("StepStarted", "fan[1].write", 21, { attempt: 1 }),
    fact("StepCompleted", "fan[0].write", 30),
    fact("StepStarted", "fan[2].write", 40, { attempt: 1 }),
  ]);
  expect(score.lines.map((line) => [line.key, line.lane, line.entries.map((entry) => entry.path)])).toEqual([
    ["fan.write", 0, ["fan[0].write", "fan[2].write"]],
    ["fan.write", 1, ["fan[1].write"]],
  ]);
  expect(nodeStates(score, START + 35)["fan.write"]).toEqual({ status: "working", count: 2 });
  expect(nodeStates(score, START + 35).fan?.status).toBe("working");
});

test("a wait for a person is a pause, and ends with the decision", () => {
  const score = scoreOf([
    fact("RunAccepted", null, 0, { flow: "ask" }),
    fact("WaitStarted", "ask", 10, { wait: "review", question: "Publish?" }),
    fact("RunRested", null, 12, { status: "waiting" }),
  ]);
  expect(score.status).toBe("waiting");
  expect(nodeStates(score, START + 20).ask?.status).toBe("waiting");
  score.take(fact("ReviewDecided", "ask", 60_000, { verdict: "approve", by: "ann" }));
  expect(score.entries.get("ask")?.pauses).toEqual([
    { kind: "review", label: "Publish?", from: START + 10, to: START + 60_000, review: "ask" },
  ]);
  expect(score.entries.get("ask")?.marks[0]?.label).toBe("approved by ann");
});

test("long rests are drawn short, and drawing goes both ways", () => {
  const rest = fc.tuple(fc.integer({ min: 1, max: 50_000 }), fc.integer({ min: LONGEST_REST_MS + 1, max: 5_000_000 }));
  fc.assert(
    fc.property(
      fc.array(rest, { maxLength: 6 }),
      fc.nat({ max: 20_000_000 }),
      fc.nat({ max: 20_000_000 }),
      (parts, a, b) => {
        let time = START;
        const rests = parts.map(([work, pause]) => {
          const from = time + work;
          time = from + pause;
          return { from, to: time };
        });
        const scale = new Scale(START, rests);
        const [one, other] = [START + Math.min(a, b), START + Math.max(a, b)];
        expect(scale.drawn(one)).toBeLessThanOrEqual(scale.drawn(other));
        expect(scale.time(scale.drawn(one))).toBeCloseTo(one, 2);
        for (const each of rests) expect(scale.drawn(each.to) - scale.drawn(each.from)).toBeCloseTo(LONGEST_REST_MS, 6);
      },
    ),
  );
});

test("what lies between work is a rest, where it is long", () => {
  const score = scoreOf([
    fact("RunAccepted", null, 0, { flow: "ask" }),
    fact("StepStarted", "draft", 0, { attempt: 1 }),
    fact("StepCompleted", "draft", 2_000),
    fact("WaitStarted", "ask", 2_000, { wait: "review" }),
    fact("ReviewDecided", "ask", 3_600_000, { verdict: "approve" }),
    fact("StepCompleted", "ask", 3_600_001),
    fact("RunCompleted", null, 3_600_100),
  ]);
  const scale = scaleOf(START, score.entries.values(), START + 3_600_100);
  expect(scale.rests).toEqual([{ from: START + 2_000, to: START + 3_600_000 }]);
});

test("paths tell what they lie in", () => {
  expect(parents("build[2].code")).toEqual(["build[2]", "build"]);
  expect(withoutIndices("build[2].code[10]")).toBe("build.code");
});

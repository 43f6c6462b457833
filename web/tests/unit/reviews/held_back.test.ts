import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HeldBack, MOST_BYTES } from "@/reviews/held_back";

interface Item {
  name: string;
  bytes: number;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function desk(send?: (item: Item, outlives: boolean) => Promise<void>) {
  const sent: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  const held = new HeldBack<Item>({
    send:
      send ??
      ((item) => {
        sent.push(item.name);
        return Promise.resolve();
      }),
    failed: (item, error) => failed.push({ name: item.name, error }),
    changed: () => undefined,
    bytesOf: (item) => item.bytes,
    delayMs: 5_000,
  });
  const hold = (name: string, bytes = 100) => held.hold({ name, bytes });
  return { held, hold, sent, failed };
}

test("a decision is sent after five seconds and not before", async () => {
  const { held, hold, sent } = desk();
  hold("one");
  await vi.advanceTimersByTimeAsync(4_999);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toEqual(["one"]);
  expect(held.going).toEqual([]);
  expect(held.undo()).toBeNull();
});

test("what is undone is never sent; without a name it is the latest", async () => {
  const { held, hold, sent } = desk();
  const first = hold("one");
  hold("two");
  hold("three");
  expect(held.undo()?.name).toBe("three");
  expect(held.undo(first ?? 0)?.name).toBe("one");
  await vi.runAllTimersAsync();
  expect(sent).toEqual(["two"]);
});

test("a slow answer holds up what comes after it, in order", async () => {
  const begun: string[] = [];
  const answers: (() => void)[] = [];
  const { hold } = desk((item) => {
    begun.push(item.name);
    return new Promise((resolve) => answers.push(resolve));
  });
  hold("one");
  hold("two");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(begun).toEqual(["one"]);
  answers[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toEqual(["one", "two"]);
});

test("when the page goes, all is sent in the same moment, also what waits behind a slow answer", async () => {
  const begun: string[] = [];
  const { held, hold } = desk((item) => {
    begun.push(item.name);
    return new Promise(() => undefined);
  });
  hold("one");
  await vi.advanceTimersByTimeAsync(5_000);
  hold("two");
  hold("three");
  held.flush();
  expect(begun).toEqual(["one"]);
  hold("four");
  held.flush(true);
  expect(begun).toEqual(["one", "two", "three", "four"]);
});

test("what could not be sent is put back with the reason, and the next one goes all the same", async () => {
  const sent: string[] = [];
  const { held, hold, failed } = desk((item) => {
    if (item.name === "one") return Promise.reject(new Error("decided already"));
    sent.push(item.name);
    return Promise.resolve();
  });
  hold("one");
  hold("two");
  await vi.runAllTimersAsync();
  expect(failed).toEqual([{ name: "one", error: new Error("decided already") }]);
  expect(sent).toEqual(["two"]);
  expect(held.going).toEqual([]);
});

test("what is too large to be sent while the page closes is sent at once", async () => {
  const outlived: [string, boolean][] = [];
  const { held, hold } = desk((item, outlives) => {
    outlived.push([item.name, outlives]);
    return Promise.resolve();
  });
  hold("small");
  expect(hold("large", MOST_BYTES + 1)).toBeNull();
  await vi.advanceTimersByTimeAsync(0);
  expect(outlived).toEqual([
    ["small", true],
    ["large", false],
  ]);
  expect(held.held).toEqual([]);
});

test("whatever happens, each is sent once or undone once, in order, and what is held could be sent by a closing page", async () => {
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("hold" as const), bytes: fc.nat({ max: 70_000 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 6_000 }) }) },
    { weight: 1, arbitrary: fc.constant({ kind: "undo" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "flush" as const }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const { held, hold, sent } = desk();
      const undone: string[] = [];
      let made = 0;
      for (const each of acts) {
        if (each.kind === "hold") hold(String(made++), each.bytes);
        else if (each.kind === "wait") await vi.advanceTimersByTimeAsync(each.ms);
        else if (each.kind === "flush") held.flush();
        else {
          const item = held.undo();
          if (item) undone.push(item.name);
        }
        expect(held.held.reduce((sum, one) => sum + one.bytes, 0)).toBeLessThanOrEqual(MOST_BYTES);
      }
      held.flush(true);
      await vi.runAllTimersAsync();
      expect(sent).toEqual([...sent].sort((one, other) => Number(one) - Number(other)));
      expect([...sent, ...undone].map(Number).sort((one, other) => one - other)).toEqual([...Array(made).keys()]);
    }),
    { numRuns: 300 },
  );
});

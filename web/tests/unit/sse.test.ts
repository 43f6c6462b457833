import fc from "fast-check";
import { expect, test } from "vitest";
import { type Message, SseReader } from "@/stream/sse";

const word = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, " "));
const message = fc.record({
  id: fc.option(word),
  event: fc.constantFrom("fact", "text", "end"),
  data: fc.array(word, { minLength: 1, maxLength: 3 }),
});

test("messages are the same however the stream is cut into pieces", () => {
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat({ max: 20 })), fc.constantFrom("\n", "\r\n"), (sent, cuts, end) => {
      const lines = sent.flatMap(({ id, event, data }) => [
        ": still here",
        "retry: 1000",
        ...(id === null ? [] : [`id: ${id}`]),
        `event: ${event}`,
        ...data.map((each) => `data: ${each}`),
        "",
      ]);
      const whole = lines.map((line) => line + end).join("");
      const reader = new SseReader();
      const got: Message[] = [];
      let at = 0;
      for (const cut of cuts) {
        got.push(...reader.read(whole.slice(at, at + cut)));
        at += cut;
      }
      got.push(...reader.read(whole.slice(at)));
      expect(got).toEqual(sent.map(({ id, event, data }) => ({ id, event, data: data.join("\n") })));
    }),
  );
});

test("a message that has not ended is not told", () => {
  const reader = new SseReader();
  expect(reader.read("id: 1\nevent: text\ndata: half")).toEqual([]);
  expect(reader.read("\n\n")).toEqual([{ id: "1", event: "text", data: "half" }]);
});

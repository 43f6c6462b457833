import fc from "fast-check";
import { expect, test } from "vitest";
import { codePoints, unitsOf, VoiceText } from "@/stream/voice_text";

const piece = fc.string({ unit: "binary", minLength: 1, maxLength: 8 });
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("write" as const), text: piece }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("retract" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("again" as const), back: fc.nat({ max: 5 }) }) },
);

test("what stands is what a log of writes and retractions says, and what was taken back stays to be seen", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const text = new VoiceText();
      let standing: string[] = [];
      let written = 0;
      let sent: { offset: number; text: string }[] = [];
      for (const each of acts) {
        if (each.kind === "write") {
          sent.push({ offset: standing.length, text: each.text });
          text.write(standing.length, each.text);
          standing = [...standing, ...each.text];
          written += [...each.text].length;
        } else if (each.kind === "retract") {
          const from = Math.floor(each.share * standing.length);
          text.retract(from, "because");
          standing = standing.slice(0, from);
          sent = sent.filter(({ offset, text }) => offset + [...text].length <= from);
        } else {
          // A server that sends once more what stands changes nothing.
          for (const old of sent.slice(-each.back - 1)) text.write(old.offset, old.text);
        }
        expect(text.standing).toBe(standing.join(""));
        expect(text.end).toBe(standing.length);
      }
      const all = text.spans.reduce((sum, span) => sum + span.length, 0);
      expect(all).toBe(written);
      for (const span of text.spans) expect(codePoints(span.text)).toBe(span.length);
    }),
    { numRuns: 2_000 },
  );
});

test("code points are counted as the server counts them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat({ max: 10 }), (text, points) => {
      expect(codePoints(text)).toBe([...text].length);
      expect(text.slice(0, unitsOf(text, points))).toBe([...text].slice(0, points).join(""));
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { hiddenIn, writtenOut } from "@/ui/hidden_characters";

test("a text whose direction is turned is found, and can be read as it is", () => {
  const text = "Pay to \u202elive\u202c.";
  expect(hiddenIn(text)).toEqual([{ told: "turn the direction of writing", many: 2 }]);
  expect(writtenOut(text)).toBe("Pay to ⟨U+202E⟩live⟨U+202C⟩.");
});

test("letters that nobody sees are found, and flags are not taken for them", () => {
  const hidden = [..."buy"].map((each) => String.fromCodePoint(0xe0000 + each.charCodeAt(0))).join("");
  expect(hiddenIn(`Hello${hidden}`)).toEqual([{ told: "are letters that nobody sees", many: 3 }]);
  const scotland = `🏴${[..."gbsct"].map((each) => String.fromCodePoint(0xe0000 + each.charCodeAt(0))).join("")}\u{e007f}`;
  expect(hiddenIn(scotland)).toEqual([]);
});

test("emoji, other scripts and lines hide nothing", () => {
  expect(hiddenIn("👩‍👩‍👧‍👦 שלום\tمرحبا نمی‌خواهم\r\nनमस्ते 日本語")).toEqual([]);
});

test("written out, nothing is hidden any more", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => hiddenIn(writtenOut(text)).length === 0));
});

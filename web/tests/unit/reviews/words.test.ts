import fc from "fast-check";
import { expect, test } from "vitest";
import { amounts, difference, wordsOf } from "@/reviews/words";

const word = fc.constantFrom("the", "sea", "comes", "and", "goes", "twice", " ", "\n", ".", "ü", "日本");
const text = fc.oneof(
  fc.array(word, { maxLength: 30 }).map((words) => words.join("")),
  fc.string({ unit: "binary", maxLength: 40 }),
);

test("without what was added it is the text before, without what was removed the text after", () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const pieces = difference(before, after);
      const without = (how: string) =>
        pieces
          .filter((piece) => piece.how !== how)
          .map((piece) => piece.text)
          .join("");
      expect(without("added")).toBe(before);
      expect(without("removed")).toBe(after);
      for (const [index, piece] of pieces.entries()) expect(piece.how).not.toBe(pieces[index + 1]?.how);
    }),
    { numRuns: 3_000 },
  );
});

test("the script is as short as can be", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 9 });
  fc.assert(
    fc.property(words, words, (old, now) => {
      const common = longestCommon(wordsOf(old.join(" ")), wordsOf(now.join(" ")));
      const pieces = difference(old.join(" "), now.join(" "));
      const same = pieces.filter((piece) => piece.how === "same").flatMap((piece) => wordsOf(piece.text)).length;
      expect(same).toBe(common);
    }),
    { numRuns: 2_000 },
  );
});

test("words are what people call words", () => {
  expect(difference("It rises by sixteen metres.", "It rises by 16 metres!")).toEqual([
    { how: "same", text: "It rises by " },
    { how: "removed", text: "sixteen" },
    { how: "added", text: "16" },
    { how: "same", text: " metres" },
    { how: "removed", text: "." },
    { how: "added", text: "!" },
  ]);
  expect(amounts(difference("one two", "one three four"))).toEqual({ added: 2, removed: 1 });
});

test("texts that have nothing in common are told to have been replaced, however long", () => {
  const before = "a ".repeat(20_000);
  const after = "b\n".repeat(20_000);
  expect(difference(before, after).map((piece) => piece.how)).toEqual(["removed", "added"]);
});

function longestCommon(one: string[], other: string[]): number {
  const table = Array.from({ length: one.length + 1 }, () => Array<number>(other.length + 1).fill(0));
  const at = (x: number, y: number) => table[x]?.[y] ?? 0;
  for (let x = 1; x <= one.length; x++) {
    for (let y = 1; y <= other.length; y++) {
      const best = one[x - 1] === other[y - 1] ? at(x - 1, y - 1) + 1 : Math.max(at(x - 1, y), at(x, y - 1));
      (table[x] as number[])[y] = best;
    }
  }
  return at(one.length, other.length);
}

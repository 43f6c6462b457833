import { expect, it } from "vitest";
import { diffLines } from "@/flows/diff_lines";

it("numbers the lines of a unified diff, and does not take its head for lines", () => {
  const lines = diffLines("--- from\n+++ to\n@@ -2,3 +2,3 @@\n a\n-b\n+-- c\n d\n@@ -9 +9 @@\n-x");
  expect(lines.map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
    ["place", "@@ -2,3 +2,3 @@", null, null],
    ["same", "a", 2, 2],
    ["removed", "b", 3, null],
    ["added", "-- c", null, 3],
    ["same", "d", 4, 4],
    ["place", "@@ -9 +9 @@", null, null],
    ["removed", "x", 9, null],
  ]);
  expect(diffLines("")).toEqual([]);
});

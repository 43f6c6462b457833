/** A unified diff as lines to show. */

export type DiffKind = "added" | "removed" | "same" | "place";

export interface DiffLine {
  kind: DiffKind;
  text: string;
  /** The line's number before and after, where it stands there. */
  before: number | null;
  after: number | null;
}

const PLACE = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Reads a unified diff; its two lines of file names are left out. */
export function diffLines(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let before = 0;
  let after = 0;
  let begun = false;
  for (const line of diff.split("\n")) {
    const place = PLACE.exec(line);
    if (place) {
      begun = true;
      before = Number(place[1]);
      after = Number(place[2]);
      lines.push({ kind: "place", text: line, before: null, after: null });
    } else if (begun && line !== "") {
      const text = line.slice(1);
      if (line[0] === "+") lines.push({ kind: "added", text, before: null, after: after++ });
      else if (line[0] === "-") lines.push({ kind: "removed", text, before: before++, after: null });
      else lines.push({ kind: "same", text, before: before++, after: after++ });
    }
  }
  return lines;
}

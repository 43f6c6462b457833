/** How one text became another, in words: an edit script that is as short as can be (Myers 1986), within bounds. */

export interface Piece {
  how: "same" | "added" | "removed";
  text: string;
}

/** Texts that differ by more words than this are told to have been replaced: the work grows with the square. */
const MOST_EDITS = 1_000;
const WORDS = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;

/** Words, blanks and signs, which together are the text. */
export function wordsOf(text: string): string[] {
  return text.match(WORDS) ?? [];
}

/** The pieces of which both texts are made: without what was added it is `before`, without what was removed `after`. */
export function difference(before: string, after: string): Piece[] {
  const old = wordsOf(before);
  const now = wordsOf(after);
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const middle = edits(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return joined([
    { how: "same", text: old.slice(0, start).join("") },
    ...middle,
    { how: "same", text: old.slice(old.length - end).join("") },
  ]);
}

/** How many words were added and removed; blanks do not count. */
export function amounts(pieces: readonly Piece[]): { added: number; removed: number } {
  const many = (how: Piece["how"]) =>
    pieces
      .filter((piece) => piece.how === how)
      .flatMap((piece) => wordsOf(piece.text))
      .filter((word) => word.trim()).length;
  return { added: many("added"), removed: many("removed") };
}

function edits(old: readonly string[], now: readonly string[]): Piece[] {
  const replaced: Piece[] = [
    { how: "removed", text: old.join("") },
    { how: "added", text: now.join("") },
  ];
  if (old.length === 0 || now.length === 0) return replaced;
  const most = Math.min(old.length + now.length, MOST_EDITS);
  const reach = new Int32Array(2 * most + 3); // by diagonal: how far into `old` one gets
  const trace: Int32Array[] = [];
  for (let steps = 0; steps <= most; steps++) {
    trace.push(reach.slice(most - steps, most + steps + 3));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const at = most + 1 + diagonal;
      const down = goesDown(reach, at, diagonal, steps);
      let x = down ? (reach[at + 1] ?? 0) : (reach[at - 1] ?? 0) + 1;
      while (x < old.length && x - diagonal < now.length && old[x] === now[x - diagonal]) x++;
      reach[at] = x;
      if (x >= old.length && x - diagonal >= now.length) return walkedBack(trace, old, now);
    }
  }
  return replaced;
}

/** Whether the furthest path to a diagonal comes from the one above it (a word added) rather than below (removed). */
function goesDown(reach: Int32Array, at: number, diagonal: number, steps: number): boolean {
  return diagonal === -steps || (diagonal !== steps && (reach[at - 1] ?? 0) < (reach[at + 1] ?? 0));
}

function walkedBack(trace: readonly Int32Array[], old: readonly string[], now: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  let x = old.length;
  let y = now.length;
  for (let steps = trace.length - 1; steps >= 0; steps--) {
    const reach = trace[steps] as Int32Array; // its middle is at `steps` + 1
    const diagonal = x - y;
    const at = steps + 1 + diagonal;
    const down = goesDown(reach, at, diagonal, steps);
    const fromX = steps === 0 ? 0 : (reach[down ? at + 1 : at - 1] ?? 0);
    const fromY = steps === 0 ? 0 : fromX - (diagonal + (down ? 1 : -1));
    while (x > fromX && y > fromY) {
      x--;
      y--;
      pieces.push({ how: "same", text: old[x] as string });
    }
    if (steps === 0) break;
    if (down) pieces.push({ how: "added", text: now[--y] as string });
    else pieces.push({ how: "removed", text: old[--x] as string });
  }
  return pieces.reverse();
}

/** Neighbours of a kind made one; of what was replaced, what was removed comes first. */
function joined(pieces: readonly Piece[]): Piece[] {
  const done: Piece[] = [];
  let removed = "";
  let added = "";
  const settle = () => {
    if (removed) done.push({ how: "removed", text: removed });
    if (added) done.push({ how: "added", text: added });
    removed = added = "";
  };
  for (const piece of pieces) {
    if (!piece.text) continue;
    if (piece.how === "removed") removed += piece.text;
    else if (piece.how === "added") added += piece.text;
    else {
      settle();
      const last = done.at(-1);
      if (last?.how === "same") last.text += piece.text;
      else done.push({ ...piece });
    }
  }
  settle();
  return done;
}

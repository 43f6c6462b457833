import { difference, type Piece } from "@/reviews/words";
import { type Part, sentencesOf } from "./marked";

/** Two texts, with what only one of them has marked. */
export interface Compared {
  original: Part[];
  copy: Part[];
  /** What can be said of both in a few words; empty where nothing can. */
  told: string;
}

const ALIKE = 0.5;

/** Compares by sentences, wherever they stand: a copy often has those of the original in another order. */
export function compared(original: string, copy: string): Compared {
  const [old, now] = [sentencesOf(original), sentencesOf(copy)];
  const [oldKeys, nowKeys] = [old.map(keyOf), now.map(keyOf)];
  const [inOld, inNow] = [new Set(oldKeys), new Set(nowKeys)];
  const oldAlone = old.filter((each) => !inNow.has(keyOf(each)));
  const nowAlone = now.filter((each) => !inOld.has(keyOf(each)));
  const side = (all: string[], others: ReadonlySet<string>, alone: string[], ours: boolean) =>
    all.flatMap((each): Part[] => {
      if (others.has(keyOf(each))) return [{ text: each, marked: false }];
      const like = closest(each, alone);
      if (like === undefined) return [{ text: each, marked: true }];
      return ours ? partsOf(difference(like, each), "added") : partsOf(difference(each, like), "removed");
    });
  return {
    original: side(old, inNow, nowAlone, false),
    copy: side(now, inOld, oldAlone, true),
    told: words(oldKeys.join(" ") === nowKeys.join(" "), oldAlone.length, nowAlone.length),
  };
}

function words(same: boolean, gone: number, come: number): string {
  if (same) return "word for word";
  if (gone === 0 && come === 0) return "the same sentences in another order";
  if (come === 0) return "some sentences left out";
  return gone === 0 ? "some sentences added" : "";
}

/** The own pieces of a difference; what is not in the other text is marked. */
function partsOf(pieces: readonly Piece[], own: "added" | "removed"): Part[] {
  return pieces
    .filter((piece) => piece.how === "same" || piece.how === own)
    .map((piece) => ({ text: piece.text, marked: piece.how === own }));
}

function keyOf(sentence: string): string {
  return (sentence.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");
}

/** The sentence that shares most words with one; none where that is less than half. */
function closest(sentence: string, among: readonly string[]): string | undefined {
  const own = new Set(keyOf(sentence).split(" "));
  let best: string | undefined;
  let most = ALIKE;
  for (const each of among) {
    const others = new Set(keyOf(each).split(" "));
    const shared = [...own].filter((word) => others.has(word)).length;
    const part = shared / Math.max(own.size, others.size);
    if (part > most) [best, most] = [each, part];
  }
  return best;
}

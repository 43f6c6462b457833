/** A piece of a text; `marked` is what a citation speaks of. */
export interface Part {
  text: string;
  marked: boolean;
}

const LEAST_ALIKE = 0.6;

/** Finds a cited sentence in its source: as it stands, apart from blanks and case; else the sentences that share most of its words. */
export function markedParts(text: string, sentence: string): Part[] {
  const wanted = sentence.trim();
  if (wanted === "") return [{ text, marked: false }];
  const pattern = wanted.split(/\s+/).map(escaped).join("\\s+");
  const found = new RegExp(pattern, "iu").exec(text);
  if (found) {
    return [
      { text: text.slice(0, found.index), marked: false },
      { text: found[0], marked: true },
      { text: text.slice(found.index + found[0].length), marked: false },
    ].filter((part) => part.text !== "");
  }
  const words = new Set(wordsOf(wanted));
  return sentencesOf(text).map((each) => {
    const own = wordsOf(each);
    const shared = own.filter((word) => words.has(word)).length;
    return { text: each, marked: own.length >= 3 && shared / own.length >= LEAST_ALIKE };
  });
}

function escaped(word: string): string {
  return word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The sentences of a text; together they are the text. */
export function sentencesOf(text: string): string[] {
  return text.match(/[^.!?\n]*(?:[.!?\n]+\s*|$)/gu)?.filter((each) => each !== "") ?? [];
}

/** The beginning of a text, cut between words. */
export function beginning(text: string, most: number): string {
  if (text.length <= most) return text;
  const cut = text.slice(0, most);
  const blank = cut.lastIndexOf(" ");
  return `${cut.slice(0, blank > most / 2 ? blank : most).trimEnd()}…`;
}

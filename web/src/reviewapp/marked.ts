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

const BEFORE = 60;
const LEAST_WORD = 4;
/** Words of questions that say nothing of what is asked for. */
const ASKING = new Set(
  "what which when where does about people customers reviews have with they there their that this many much from said".split(
    " ",
  ),
);

/** The part of a text that has most of a question's words, cut between words; its beginning where it has none. */
export function excerpt(text: string, question: string, most: number): string {
  if (text.length <= most) return text;
  const stems = new Set(
    wordsOf(question).flatMap((word) => (word.length < LEAST_WORD || ASKING.has(word) ? [] : [word.slice(0, 6)])),
  );
  const hits = [...text.matchAll(/[\p{L}\p{N}]+/gu)].flatMap((found) => {
    const stem = found[0].toLowerCase().slice(0, 6);
    return stems.has(stem) ? [{ at: found.index, stem }] : [];
  });
  const within = (from: number) =>
    new Set(hits.filter((hit) => hit.at >= from && hit.at < from + most - BEFORE).map((hit) => hit.stem)).size;
  let best = { at: 0, many: 0 };
  for (const hit of hits) {
    const many = within(hit.at);
    if (many > best.many) best = { at: hit.at, many };
  }
  const from = Math.min(best.at - BEFORE, text.length - most);
  if (from <= 0) return beginning(text, most);
  const blank = text.indexOf(" ", from);
  const start = blank >= 0 && blank < best.at ? blank + 1 : best.at;
  return `… ${beginning(text.slice(start), most)}`;
}

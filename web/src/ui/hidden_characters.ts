/** Characters that are not seen and change what is: a text can be made to read otherwise than it is (CVE-2021-42574). */

const KINDS: [string, RegExp][] = [
  ["turn the direction of writing", /[\u202a-\u202e\u2066-\u2069]/gu],
  ["are letters that nobody sees", /[\u{e0000}-\u{e007f}]/gu],
  ["have no width", /[\u200b\u2060-\u2064\u180e\ufeff]/gu],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  ["control a terminal", /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/gu],
];
/** A white or black flag with the letters of its country (UTS #51, tag sequences) hides nothing. */
const FLAG = /\u{1f3f4}[\u{e0020}-\u{e007e}]+\u{e007f}/gu;
const ALL = new RegExp(KINDS.map(([, found]) => found.source).join("|"), "gu");

export interface Hidden {
  told: string;
  many: number;
}

/** What is hidden in a text; empty for nearly all texts. */
export function hiddenIn(text: string): Hidden[] {
  const plain = text.replace(FLAG, "");
  return KINDS.flatMap(([told, found]) => {
    const many = plain.match(found)?.length ?? 0;
    return many > 0 ? [{ told, many }] : [];
  });
}

/** The text with everything hidden written out, as `⟨U+202E⟩`. */
export function writtenOut(text: string): string {
  return text.replace(ALL, (each) => `⟨U+${(each.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

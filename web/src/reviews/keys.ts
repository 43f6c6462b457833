/** The keys of the inbox: one table that is obeyed and that the help shows. */

export type Command =
  | "next"
  | "previous"
  | "open"
  | "approve"
  | "edit"
  | "reject"
  | "changes"
  | "claim"
  | "snooze"
  | "assign"
  | "select"
  | "approveSelected"
  | "rejectSelected"
  | "undo"
  | "filter"
  | "help"
  | "back";

export interface Shortcut {
  keys: readonly string[];
  command: Command;
  told: string;
  /** What of the user's rights it needs. */
  decides: boolean;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ["j", "ArrowDown"], command: "next", told: "the next one", decides: false },
  { keys: ["k", "ArrowUp"], command: "previous", told: "the one before", decides: false },
  { keys: ["Enter", "o"], command: "open", told: "read it", decides: false },
  { keys: ["a"], command: "approve", told: "approve", decides: true },
  { keys: ["e"], command: "edit", told: "edit, then approve", decides: true },
  { keys: ["r"], command: "reject", told: "reject, with a reason", decides: true },
  { keys: ["c"], command: "changes", told: "ask for changes", decides: true },
  { keys: ["h"], command: "claim", told: "take it in hand, or give it back", decides: true },
  { keys: ["s"], command: "snooze", told: "put it off", decides: true },
  { keys: ["l"], command: "assign", told: "give it to somebody", decides: true },
  { keys: ["x"], command: "select", told: "select it, or not", decides: true },
  { keys: ["A"], command: "approveSelected", told: "approve all that are selected", decides: true },
  { keys: ["R"], command: "rejectSelected", told: "reject all that are selected", decides: true },
  { keys: ["u"], command: "undo", told: "take the last decision back (within five seconds)", decides: true },
  { keys: ["/"], command: "filter", told: "filter", decides: false },
  { keys: ["?"], command: "help", told: "these keys", decides: false },
  { keys: ["Escape"], command: "back", told: "stop, or back to the list", decides: false },
];

/** What was pressed, and where. */
export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
  /** In which element, by tag, and whether one can write there. */
  tag: string;
  writes: boolean;
  /** Whether the element scrolls or is worked by arrows itself. */
  ownArrows: boolean;
}

const TYPING = new Set(["INPUT", "TEXTAREA", "SELECT"]);
const PRESSED_BY_ENTER = new Set(["BUTTON", "A", "SUMMARY"]);
const MAY_REPEAT = new Set<Command>(["next", "previous"]);

/** What is meant, or null: keys do nothing while one types, nor together with Ctrl, Alt or Meta, and holding one down decides once. */
export function commandOf(press: Press): Command | null {
  if (press.ctrlKey || press.metaKey || press.altKey) return null;
  if (press.writes || TYPING.has(press.tag)) return null;
  if (press.key === "Enter" && PRESSED_BY_ENTER.has(press.tag)) return null;
  if (press.key.startsWith("Arrow") && press.ownArrows) return null;
  const command = SHORTCUTS.find((each) => each.keys.includes(press.key))?.command ?? null;
  return command && press.repeat && !MAY_REPEAT.has(command) ? null : command;
}

/** What an event of the page says. A checkbox is no place to write in. */
export function pressOf(event: KeyboardEvent): Press {
  const at = event.target instanceof HTMLElement ? event.target : null;
  const box = at instanceof HTMLInputElement && at.type === "checkbox";
  return {
    key: event.key,
    ctrlKey: event.ctrlKey,
    metaKey: event.metaKey,
    altKey: event.altKey,
    repeat: event.repeat,
    tag: box ? "BOX" : (at?.tagName ?? ""),
    writes: at?.isContentEditable ?? false,
    ownArrows: at?.closest("[data-own-arrows], audio, video, [role='region'], [role='tablist']") != null,
  };
}

/** How a key is written for people. */
export function keyName(key: string): string {
  return { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" }[key] ?? key;
}

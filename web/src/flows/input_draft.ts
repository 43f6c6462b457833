/** What stands in a form's fields, and the value that it makes: checked as the server will check it. */

import { type Field, isObject, itemField, type Schema } from "./input_field";

/** What is typed in: a text, a tick, the items of a list, the fields of an object. */
export type Draft = string | boolean | readonly Draft[] | { readonly [name: string]: Draft };

/** What is wrong, by JSON pointers from the top of the input. */
export type FieldProblems = Readonly<Record<string, string>>;

/** The value that a draft stands for, as far as it can be read. */
export interface Reading {
  value: unknown;
  problems: FieldProblems;
}

const LEFT_OUT = Symbol("left out");

/** The draft that shows a value; with none, the schema's default, or nothing. */
export function draftOf(field: Field, value: unknown): Draft {
  const shown = value === undefined ? field.schema.default : value;
  switch (field.kind) {
    case "text":
    case "long_text":
      return typeof shown === "string" ? shown : "";
    case "number":
    case "integer":
      return typeof shown === "number" ? String(shown) : "";
    case "boolean":
      return shown === true;
    case "json":
      return shown === undefined ? "" : JSON.stringify(shown, null, 2);
    case "choice": {
      const index = field.options.findIndex((option) => same(option, shown));
      return index < 0 ? "" : String(index);
    }
    case "list":
      return Array.isArray(shown) ? shown.map((item) => draftOf(itemField(field, item), item)) : [];
    case "fields": {
      const given = isObject(shown) ? shown : {};
      return Object.fromEntries(field.fields.map(({ name, field: each }) => [name, draftOf(each, given[name])]));
    }
  }
}

/** Reads what is typed in. A field that is not needed and stays empty is left out. */
export function readDraft(field: Field, draft: Draft): Reading {
  const problems: Record<string, string> = {};
  const value = read(field, draft, true, "", problems);
  return { value: value === LEFT_OUT ? undefined : value, problems };
}

/** A pointer's next step. */
export function pointer(way: string, part: string | number): string {
  return `${way}/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The draft with one part of it changed. */
export function withPart(draft: Draft, part: string | number, now: Draft): Draft {
  if (Array.isArray(draft)) return draft.map((each, index) => (index === part ? now : each));
  return isObject(draft) ? { ...draft, [part]: now } : draft;
}

type Problems = Record<string, string>;

function read(field: Field, draft: Draft, required: boolean, way: string, problems: Problems): unknown {
  const no = (message: string): undefined => {
    problems[way] = message;
    return undefined;
  };
  if (field.kind === "boolean") return draft === true;
  if (field.kind === "list") return readList(field, draft, required, way, problems);
  if (field.kind === "fields") return readFields(field, draft, required, way, problems);
  const text = typeof draft === "string" ? draft : "";
  const empty = text.trim() === "";
  if (empty && field.nullable) return null;
  if (empty && !required) return LEFT_OUT;
  switch (field.kind) {
    case "text":
    case "long_text": {
      const wrong = text === "" && field.schema.default !== "" ? "This is needed." : textProblem(text, field.schema);
      return wrong ? no(wrong) : text;
    }
    case "number":
    case "integer": {
      if (empty) return no("This is needed.");
      const amount = Number(text);
      const wrong = Number.isFinite(amount) ? amountProblem(amount, field) : "This is no number.";
      return wrong ? no(wrong) : amount;
    }
    case "choice":
      return text === "" ? no("Choose one.") : field.options[Number(text)];
    case "json": {
      if (empty) return no("This is needed, as JSON.");
      try {
        return JSON.parse(text);
      } catch (thrown) {
        return no(`This is no JSON: ${thrown instanceof Error ? thrown.message : "it cannot be read"}`);
      }
    }
  }
}

function readList(
  field: Extract<Field, { kind: "list" }>,
  draft: Draft,
  required: boolean,
  way: string,
  problems: Problems,
): unknown {
  const drafts = Array.isArray(draft) ? (draft as readonly Draft[]) : [];
  if (drafts.length === 0 && !required) return LEFT_OUT;
  const one = itemField(field, undefined);
  const items = drafts.map((each, index) => read(fitting(field, one, each), each, true, pointer(way, index), problems));
  const least = limit(field.schema, "minItems");
  const most = limit(field.schema, "maxItems");
  if (least !== null && items.length < least) problems[way] = `At least ${counted(least, "item")}.`;
  else if (most !== null && items.length > most) problems[way] = `At most ${counted(most, "item")}.`;
  else if (field.schema.uniqueItems === true && new Set(items.map((item) => JSON.stringify(item))).size < items.length)
    problems[way] = "No two items may be the same.";
  return items;
}

/** An item that is shown as text although items have fields of their own is JSON. */
function fitting(list: Extract<Field, { kind: "list" }>, one: Field, draft: Draft): Field {
  if (one.kind === "fields" && typeof draft === "string") return { kind: "json", schema: list.item, nullable: false };
  return one;
}

function readFields(
  field: Extract<Field, { kind: "fields" }>,
  draft: Draft,
  required: boolean,
  way: string,
  problems: Problems,
): unknown {
  const drafts = isObject(draft) ? (draft as Readonly<Record<string, Draft>>) : {};
  if (!required && field.fields.every((each) => isBlank(drafts[each.name]))) return LEFT_OUT;
  const value: Record<string, unknown> = {};
  for (const each of field.fields) {
    const part = read(each.field, drafts[each.name] ?? "", each.required, pointer(way, each.name), problems);
    if (part !== LEFT_OUT) value[each.name] = part;
  }
  return value;
}

function isBlank(draft: Draft | undefined): boolean {
  if (draft === undefined || draft === false) return true;
  if (typeof draft === "string") return draft.trim() === "";
  if (draft === true) return false;
  return Object.values(draft).every(isBlank);
}

function textProblem(text: string, schema: Schema): string | null {
  const length = [...text].length; // JSON Schema counts characters, not UTF-16 units
  const least = limit(schema, "minLength");
  const most = limit(schema, "maxLength");
  if (least !== null && length < least) return `At least ${counted(least, "character")}; these are ${length}.`;
  if (most !== null && length > most) return `At most ${counted(most, "character")}; these are ${length}.`;
  if (typeof schema.pattern === "string" && !matches(schema.pattern, text))
    return `Write it in the form ${schema.pattern}`;
  return null;
}

/** A pattern that the browser cannot read is left to the server. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

function amountProblem(amount: number, field: Field): string | null {
  const { schema } = field;
  const [least, above] = [limit(schema, "minimum"), limit(schema, "exclusiveMinimum")];
  const [most, below] = [limit(schema, "maximum"), limit(schema, "exclusiveMaximum")];
  const step = limit(schema, "multipleOf");
  if (field.kind === "integer" && !Number.isInteger(amount)) return "This is a whole number.";
  if (least !== null && amount < least) return `At least ${least}.`;
  if (above !== null && amount <= above) return `More than ${above}.`;
  if (most !== null && amount > most) return `At most ${most}.`;
  if (below !== null && amount >= below) return `Less than ${below}.`;
  const times = step ? amount / step : 0;
  if (Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times))) return `A multiple of ${step}.`;
  return null;
}

/** What a field takes, in a few words. */
export function limitsText(field: Field): string {
  const { schema } = field;
  const parts: string[] = [];
  const add = (word: string, say: (amount: number) => string) => {
    const amount = limit(schema, word);
    if (amount !== null) parts.push(say(amount));
  };
  if (field.kind === "integer") parts.push("a whole number");
  if (field.kind === "json") parts.push("JSON");
  add("minLength", (amount) => `at least ${counted(amount, "character")}`);
  add("maxLength", (amount) => `at most ${counted(amount, "character")}`);
  add("minimum", (amount) => `at least ${amount}`);
  add("exclusiveMinimum", (amount) => `more than ${amount}`);
  add("maximum", (amount) => `at most ${amount}`);
  add("exclusiveMaximum", (amount) => `less than ${amount}`);
  add("minItems", (amount) => `at least ${counted(amount, "item")}`);
  add("maxItems", (amount) => `at most ${counted(amount, "item")}`);
  return parts.join(", ");
}

function limit(schema: Schema, word: string): number | null {
  const value = schema[word];
  return typeof value === "number" ? value : null;
}

function counted(amount: number, what: string): string {
  return `${amount.toLocaleString("en-US")} ${what}${amount === 1 ? "" : "s"}`;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

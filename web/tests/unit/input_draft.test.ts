import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Draft, draftOf, limitsText, readDraft } from "@/flows/input_draft";
import { inputFields, type Schema } from "@/flows/input_field";

/** A schema with a value that fits it. */
const leaf: fc.Arbitrary<[Schema, unknown]> = fc.oneof(
  fc.string({ minLength: 1 }).map((text): [Schema, unknown] => [{ type: "string" }, text]),
  fc.integer().map((amount): [Schema, unknown] => [{ type: "integer" }, amount]),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((amount): [Schema, unknown] => [{ type: "number" }, amount === 0 ? 0 : amount]),
  fc.boolean().map((on): [Schema, unknown] => [{ type: "boolean" }, on]),
  fc.constantFrom("glad", 3, null).map((one): [Schema, unknown] => [{ enum: ["glad", 3, null] }, one]),
  fc.json().map((text): [Schema, unknown] => [{ description: "anything" }, JSON.parse(text)]),
  fc
    .option(fc.string({ minLength: 1 }))
    .map((text): [Schema, unknown] => [{ type: ["string", "null"] }, text?.trim() === "" ? null : text]),
);
const any: fc.Arbitrary<[Schema, unknown]> = fc.letrec<{ node: [Schema, unknown] }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc
      .tuple(tie("node"), fc.integer({ min: 0, max: 3 }))
      .map(([[schema, value], times]): [Schema, unknown] => [
        { type: "array", items: schema },
        Array.from({ length: times }, () => value),
      ]),
    fc.dictionary(fc.stringMatching(/^[a-z/~]{1,3}$/), tie("node"), { maxKeys: 3 }).map((parts): [Schema, unknown] => [
      {
        type: "object",
        properties: Object.fromEntries(Object.entries(parts).map(([name, [schema]]) => [name, schema])),
        required: Object.keys(parts),
      },
      Object.fromEntries(Object.entries(parts).map(([name, [, value]]) => [name, value])),
    ]),
  ),
})).node;

function read(input: Schema, draft: Record<string, Draft>) {
  return readDraft(inputFields(input), draft);
}

describe("the form of an input", () => {
  it("gives back every value that it shows", () => {
    fc.assert(
      fc.property(any, ([schema, value]) => {
        const fields = inputFields({ x: schema }, { x: value });
        const draft = draftOf(fields, { x: value });
        expect(readDraft(fields, draft)).toEqual({ value: { x: value }, problems: {} });
      }),
    );
  });

  it("begins with the defaults, and asks for what has none", () => {
    const input = { task: { type: "string" }, times: { type: "integer", default: 3 }, mood: { enum: ["a", "b"] } };
    const fields = inputFields(input);
    const { problems } = readDraft(fields, draftOf(fields, undefined));
    expect(problems).toEqual({ "/task": "This is needed.", "/mood": "Choose one." });
    expect(readDraft(fields, { task: "x", times: "3", mood: "1" }).value).toEqual({ task: "x", times: 3, mood: "b" });
  });

  it.each<[Schema, Draft, string]>([
    [{ type: "string", maxLength: 2 }, "😀😀😀", "At most 2 characters; these are 3."],
    [{ type: "string", minLength: 2 }, "a", "At least 2 characters; these are 1."],
    [{ type: "string", pattern: "^[a-z]+$" }, "A", "Write it in the form ^[a-z]+$"],
    [{ type: "integer" }, "1.5", "This is a whole number."],
    [{ type: "integer" }, "abc", "This is no number."],
    [{ type: "number", exclusiveMinimum: 0 }, "0", "More than 0."],
    [{ type: "number", maximum: 1 }, "1.1", "At most 1."],
    [{ type: "number", multipleOf: 0.1 }, "0.25", "A multiple of 0.1."],
    [{ type: "array", items: { type: "string" }, minItems: 2 }, ["a"], "At least 2 items."],
    [{ type: "array", items: { type: "string" }, uniqueItems: true }, ["a", "a"], "No two items may be the same."],
  ])("checks %j", (schema, draft, said) => {
    expect(read({ x: schema }, { x: draft }).problems).toEqual({ "/x": said });
  });

  it("takes exact multiples and edges", () => {
    expect(read({ x: { type: "number", multipleOf: 0.1, maximum: 0.3 } }, { x: "0.3" }).problems).toEqual({});
  });

  it("names what is wrong deep inside by its place", () => {
    const item = { type: "object", properties: { "a/b": { type: "integer" } }, required: ["a/b"] };
    const fields = { list: { type: "array", items: item } };
    expect(Object.keys(read(fields, { list: [{ "a/b": "1" }, { "a/b": "" }] }).problems)).toEqual(["/list/1/a~1b"]);
  });

  it("leaves out what is not needed and stays empty", () => {
    const who = {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" } },
      required: ["name"],
    };
    expect(read({ who }, { who: { name: "Ada", age: "" } }).value).toEqual({ who: { name: "Ada" } });
  });

  it("follows references and gives up on endless ones", () => {
    const tree = { $ref: "#/$defs/T", $defs: { T: { type: "array", items: { $ref: "#/$defs/T" } } } };
    expect(inputFields({ tree }).kind).toBe("fields");
    expect(inputFields({ loop: { $ref: "#" } })).toMatchObject({ fields: [{ field: { kind: "json" } }] });
  });

  it("keeps what the schema does not name, as JSON", () => {
    const open = { type: "object", properties: { a: { type: "string" } } };
    const value = { open: { a: "x", more: 1 } };
    const fields = inputFields({ open }, value);
    expect(readDraft(fields, draftOf(fields, value)).value).toEqual(value);
  });

  it("tells limits in words", () => {
    const fields = inputFields({ x: { type: "integer", minimum: 1, maximum: 5 } });
    if (fields.kind !== "fields") throw new Error("no fields");
    expect(limitsText(fields.fields[0]?.field ?? fields)).toBe("a whole number, at least 1, at most 5");
  });
});

/** From a flow's input schema to a form's fields: what each takes, in which way it is typed in. */

export type Schema = Readonly<Record<string, unknown>>;

type Leaf = { kind: "text" | "long_text" | "number" | "integer" | "boolean" | "json" };
export type Field = { schema: Schema; nullable: boolean } & (
  | Leaf
  | { kind: "choice"; options: readonly unknown[] }
  | { kind: "list"; item: Schema; root: Schema }
  | { kind: "fields"; fields: readonly { name: string; required: boolean; field: Field }[] }
);

const LONG_CHARS = 120;
const MOST_DEPTH = 6;
/** With one of these a value has no one form; it is typed in as JSON. */
const MANY_FORMS = ["anyOf", "oneOf", "allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas"];
/** With one of these, a text has one line. */
const ONE_LINE = new Set(["date", "date-time", "time", "email", "uri", "uuid", "hostname", "ipv4", "ipv6"]);

/** The fields of a whole input: a schema for each name, all of them needed. `values` are those that the form begins with. */
export function inputFields(input: Schema, values?: Readonly<Record<string, unknown>>): Field {
  const fields = Object.entries(input).map(([name, schema]) => {
    const known = isObject(schema) ? schema : {};
    return { name, required: true, field: fieldOf(known, values?.[name] ?? known.default, known, 0) };
  });
  // The order of the file is not kept; what has to be filled in stands first.
  const asked = (name: string) => (isObject(input[name]) && "default" in input[name] ? 1 : 0);
  fields.sort((a, b) => asked(a.name) - asked(b.name));
  return { kind: "fields", fields, schema: {}, nullable: false };
}

/** The field for a schema; `value` is what it begins with, and `root` the schema that references lead into. */
export function fieldOf(schema: Schema, value: unknown, root: Schema, depth: number): Field {
  const plain = resolved(schema, root);
  const options = "const" in plain ? [plain.const] : Array.isArray(plain.enum) ? plain.enum : null;
  if (options) return { kind: "choice", options, schema: plain, nullable: false };
  const types = (Array.isArray(plain.type) ? plain.type : [plain.type]).filter((type) => type !== "null");
  const nullable = Array.isArray(plain.type) && types.length < plain.type.length;
  const common = { schema: plain, nullable };
  const json: Field = { kind: "json", ...common };
  if (types.length !== 1 || depth > MOST_DEPTH || MANY_FORMS.some((word) => word in plain)) return json;
  switch (types[0]) {
    case "string":
      return { kind: isLong(plain, value, depth) ? "long_text" : "text", ...common };
    case "number":
    case "integer":
    case "boolean":
      return nullable && types[0] === "boolean" ? json : { kind: types[0], ...common };
    case "array":
      return isObject(plain.items) && !nullable ? { kind: "list", item: plain.items, root, ...common } : json;
    case "object":
      return nullable ? json : (objectField(plain, value, root, depth) ?? json);
    default:
      return json;
  }
}

function objectField(schema: Schema, value: unknown, root: Schema, depth: number): Field | null {
  if (!isObject(schema.properties)) return null;
  const properties = schema.properties;
  const given = isObject(value) ? value : {};
  if (Object.keys(given).some((name) => !(name in properties)) || isObject(schema.additionalProperties)) return null;
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const fields = Object.entries(properties).map(([name, each]) => {
    const known = isObject(each) ? each : {};
    return { name, required: required.has(name), field: fieldOf(known, given[name] ?? known.default, root, depth + 1) };
  });
  return { kind: "fields", fields, schema, nullable: false };
}

/** A list's field for the item that has this value. */
export function itemField(list: Extract<Field, { kind: "list" }>, value: unknown): Field {
  return fieldOf(list.item, value, list.root, 1);
}

function isLong(schema: Schema, value: unknown, depth: number): boolean {
  const most = typeof schema.maxLength === "number" ? schema.maxLength : null;
  if (typeof value === "string" && (value.length > LONG_CHARS / 2 || value.includes("\n"))) return true;
  if (most !== null) return most > LONG_CHARS;
  return !schema.pattern && !ONE_LINE.has(String(schema.format)) && value === undefined && depth === 0;
}

function resolved(schema: Schema, root: Schema): Schema {
  let at = schema;
  for (let step = 0; step < MOST_DEPTH && typeof at.$ref === "string"; step++) {
    const { $ref, ...beside } = at;
    let target: unknown = root;
    for (const part of String($ref).split("/").slice(1)) {
      const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      target = isObject(target) ? target[key] : undefined;
    }
    if (!isObject(target)) return {};
    at = { ...target, ...beside };
  }
  return typeof at.$ref === "string" ? {} : at;
}

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { Plus, Trash2 } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/button";
import { Input, Field as Labelled, Select, Textarea } from "@/ui/field";
import { type Draft, draftOf, type FieldProblems, limitsText, pointer, readDraft, withPart } from "./input_draft";
import { type Field, inputFields, itemField, type Schema } from "./input_field";

/** A form's state: what is typed in, the input that it makes, and what is wrong with it. */
export interface InputState {
  fields: Field;
  draft: Draft;
  value: Record<string, unknown>;
  /** Nothing is wrong as far as can be told here. */
  fits: boolean;
  /** What to show now: of fields that were changed, and after `showAll` of all. */
  shown: FieldProblems;
  change: (draft: Draft, at: string) => void;
  showAll: () => void;
}

/** The state of a form for a flow's input (`document.input`), which begins with `values` or the defaults. `failed` is what the server said. */
export function useInput(input: Schema, values?: Readonly<Record<string, unknown>>, failed?: unknown): InputState {
  const fields = useMemo(() => inputFields(input, values), [input, values]);
  const start = useMemo(() => draftOf(fields, values), [fields, values]);
  const [typed, setTyped] = useState<{ fields: Field; draft: Draft } | null>(null);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  const draft = typed?.fields === fields ? typed.draft : start;
  const { value, problems } = useMemo(() => readDraft(fields, draft), [fields, draft]);
  const said = failed ? serverProblems(failed) : {};
  const now = Object.entries(problems).filter(([at]) => all || [...touched].some((way) => at.startsWith(way)));
  return {
    fields,
    draft,
    value: value as Record<string, unknown>,
    fits: Object.keys(problems).length === 0,
    shown: { ...said, ...Object.fromEntries(now) },
    change: (next, at) => {
      setTyped({ fields, draft: next });
      setTouched((before) => (before.has(at) ? before : new Set(before).add(at)));
    },
    showAll: () => setAll(true),
  };
}

/** Leads to the first field that does not fit, once it is marked. */
export function focusFirstMisfit(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}

/** What the server said of single fields of the input. */
function serverProblems(error: unknown): FieldProblems {
  const inside = asProblem(error).errors.filter((each) => each.pointer?.startsWith("#/input/"));
  return Object.fromEntries(inside.map((each) => [(each.pointer ?? "").slice("#/input".length), each.detail]));
}

/** The fields of a flow's input. `useInput` holds what is typed in. */
export function InputForm({ state }: { state: InputState }) {
  if (state.fields.kind !== "fields" || state.fields.fields.length === 0) {
    return <p className="text-soft">This flow takes no input.</p>;
  }
  return (
    <Group
      field={state.fields}
      draft={state.draft}
      way=""
      problems={state.shown}
      change={(draft, at) => state.change(draft, at)}
    />
  );
}

interface EditorProps<F extends Field = Field> {
  field: F;
  draft: Draft;
  way: string;
  problems: FieldProblems;
  change: (draft: Draft, at: string) => void;
}

function Group({ field, draft, way, problems, change }: EditorProps<Extract<Field, { kind: "fields" }>>) {
  const drafts = typeof draft === "object" && !Array.isArray(draft) ? (draft as Record<string, Draft>) : {};
  return (
    <div className="flex flex-col gap-3">
      {field.fields.map((each) => (
        <Editor
          key={each.name}
          label={each.name}
          optional={!each.required}
          field={each.field}
          draft={drafts[each.name] ?? ""}
          way={pointer(way, each.name)}
          problems={problems}
          change={(now, at) => change(withPart(draft, each.name, now), at)}
        />
      ))}
    </div>
  );
}

function Editor({ label, optional = false, ...props }: EditorProps & { label: string; optional?: boolean }) {
  const { field, draft, way, problems, change } = props;
  const told = typeof field.schema.description === "string" ? field.schema.description : "";
  const hint = [told, limitsText(field), optional ? "may stay empty" : ""].filter(Boolean).join(" · ");
  const name = <span className="font-mono text-[13px]">{label}</span>;
  if (field.kind === "fields") {
    return (
      <Nested label={name} hint={hint} error={problems[way]}>
        <Group {...props} field={field} />
      </Nested>
    );
  }
  if (field.kind === "list") {
    return (
      <Nested label={name} hint={hint} error={problems[way]}>
        <Items {...props} field={field} label={label} />
      </Nested>
    );
  }
  const text = typeof draft === "string" ? draft : "";
  const set = (now: Draft) => change(now, way);
  if (field.kind === "boolean") {
    return (
      <div>
        <label className="inline-flex items-center gap-2">
          <input type="checkbox" checked={draft === true} onChange={(event) => set(event.target.checked)} />
          {name}
        </label>
        <p className="text-xs text-soft">{hint}</p>
      </div>
    );
  }
  return (
    <Labelled label={name} hint={hint} error={problems[way]}>
      {(about) => {
        if (field.kind === "choice") {
          return (
            <Select {...about} value={text} onChange={(event) => set(event.target.value)}>
              <option value="">–</option>
              {field.options.map((option, index) => (
                <option key={JSON.stringify(option)} value={String(index)}>
                  {typeof option === "string" ? option : JSON.stringify(option)}
                </option>
              ))}
            </Select>
          );
        }
        if (field.kind === "long_text" || field.kind === "json" || text.includes("\n")) {
          return (
            <Textarea
              {...about}
              className={field.kind === "json" ? "max-h-80" : "max-h-80 font-sans"}
              rows={Math.min(12, Math.max(2, text.split("\n").length))}
              value={text}
              onChange={(event) => set(event.target.value)}
            />
          );
        }
        const decimal = field.kind === "number" || field.kind === "integer";
        return (
          <Input
            {...about}
            inputMode={decimal ? (field.kind === "integer" ? "numeric" : "decimal") : "text"}
            value={text}
            onChange={(event) => set(event.target.value)}
          />
        );
      }}
    </Labelled>
  );
}

function Nested({
  label,
  hint,
  error,
  children,
}: {
  label: ReactNode;
  hint: string;
  error: string | undefined;
  children: ReactNode;
}) {
  return (
    <fieldset className="rounded-md border px-3 pt-1 pb-3">
      <legend className="px-1 font-medium">{label}</legend>
      {(error || hint) && <p className={`mb-2 text-xs ${error ? "text-bad" : "text-soft"}`}>{error || hint}</p>}
      {children}
    </fieldset>
  );
}

function Items({
  field,
  draft,
  way,
  problems,
  change,
  label,
}: EditorProps<Extract<Field, { kind: "list" }>> & { label: string }) {
  const drafts = Array.isArray(draft) ? (draft as readonly Draft[]) : [];
  const one = itemField(field, undefined);
  return (
    <div className="flex flex-col gap-3">
      {drafts.map((each, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items of a list have no other name than their place
        <div key={index} className="flex items-start gap-2">
          <div className="min-w-0 flex-1">
            <Editor
              label={`${label} ${index + 1}`}
              field={one.kind === "fields" && typeof each === "string" ? { ...one, kind: "json" } : one}
              draft={each}
              way={pointer(way, index)}
              problems={problems}
              change={(now, at) => change(withPart(draft, index, now), at)}
            />
          </div>
          <Button
            look="quiet"
            square
            aria-label={`Remove ${label} ${index + 1}`}
            onClick={() =>
              change(
                drafts.filter((_, other) => other !== index),
                way,
              )
            }
          >
            <Trash2 size={15} aria-hidden />
          </Button>
        </div>
      ))}
      <div>
        <Button onClick={() => change([...drafts, draftOf(one, undefined)], way)}>
          <Plus size={15} aria-hidden /> Add to {label}
        </Button>
      </div>
    </div>
  );
}

import { useState } from "react";
import { count } from "./amounts";
import { Button } from "./button";

/** So much is shown before one asks for more: a browser takes long to break a megabyte into lines. */
const MOST_CHARS = 50_000;

/** A value as people read it: text as text, all else as indented JSON. Of a very long one the beginning, until more is asked for. */
export function Json({ value, label = "Value" }: { value: unknown; label?: string }) {
  const [all, setAll] = useState(false);
  const text = (typeof value === "string" ? value : JSON.stringify(value, null, 2)) ?? "null";
  const isCut = text.length > MOST_CHARS && !all;
  return (
    <>
      <pre
        tabIndex={0}
        role="region"
        aria-label={label}
        className="max-h-96 overflow-auto rounded-md border bg-sunk p-3 font-mono text-xs whitespace-pre-wrap"
      >
        {isCut ? text.slice(0, MOST_CHARS) : text}
      </pre>
      {isCut && (
        <p className="mt-1 flex flex-wrap items-center gap-2 text-xs text-soft">
          The first {count(MOST_CHARS)} of {count(text.length)} characters.
          <Button look="quiet" className="text-xs" onClick={() => setAll(true)}>
            Show all
          </Button>
        </p>
      )}
    </>
  );
}

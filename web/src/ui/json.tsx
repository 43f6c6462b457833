/** A value as people read it: text as text, all else as indented JSON. */
export function Json({ value, label }: { value: unknown; label?: string }) {
  const shown = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <pre
      tabIndex={0}
      role="region"
      aria-label={label ?? "Value"}
      className="max-h-96 overflow-auto rounded-md border bg-sunk p-3 font-mono text-xs whitespace-pre-wrap"
    >
      {shown ?? "null"}
    </pre>
  );
}

import { clsx } from "clsx";
import { type Ref, useImperativeHandle, useRef, useState } from "react";
import type { Schemas } from "@/api/client";

export type FlowProblem = Schemas["FlowProblem"];

const LINE_PX = 20;
const PADDING_PX = 8;

export interface SourceHandle {
  /** Puts the caret at a place, and brings it into sight. */
  goTo: (line: number, column: number) => void;
}

/** A flow's text with numbered lines; a line with a problem has its mark in the margin. Without `onChange` it can only be read. */
export function SourceView({
  text,
  onChange,
  problems = [],
  label,
  className,
  handle,
}: {
  text: string;
  onChange?: (text: string) => void;
  problems?: readonly FlowProblem[];
  label: string;
  className?: string;
  handle?: Ref<SourceHandle>;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [scrolled, setScrolled] = useState(0);
  useImperativeHandle(handle, () => ({
    goTo: (line, column) => {
      const { current } = area;
      if (!current) return;
      const at = offsetOf(text, line, column);
      current.focus();
      current.setSelectionRange(at, at);
      current.scrollTop = Math.max(0, (line - 4) * LINE_PX);
    },
  }));
  const lines = text.split("\n").length;
  const numbers = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
  const byLine = new Map<number, FlowProblem[]>();
  for (const each of problems) byLine.set(each.line, [...(byLine.get(each.line) ?? []), each]);
  return (
    <div
      className={clsx(
        "flex overflow-hidden rounded-md border bg-ground font-mono text-[13px] focus-within:border-accent",
        className,
      )}
      style={{ lineHeight: `${LINE_PX}px` }}
    >
      <div
        aria-hidden
        className="relative w-12 shrink-0 overflow-hidden border-r bg-sunk text-right text-soft select-none"
      >
        <div style={{ transform: `translateY(${PADDING_PX - scrolled}px)` }} className="relative">
          {[...byLine].map(([line, found]) =>
            line > 0 ? (
              <span
                key={line}
                title={found.map((each) => `${each.message} ${each.remedy}`).join("\n")}
                className="absolute inset-x-0 bg-bad text-card"
                style={{ top: (line - 1) * LINE_PX, height: LINE_PX }}
              />
            ) : null,
          )}
          <pre className="relative pr-2 font-mono mix-blend-normal">{numbers}</pre>
          {[...byLine.keys()].map((line) =>
            line > 0 ? (
              <span
                key={line}
                className="pointer-events-none absolute right-2 font-semibold text-card"
                style={{ top: (line - 1) * LINE_PX, height: LINE_PX }}
              >
                {line}
              </span>
            ) : null,
          )}
        </div>
      </div>
      <textarea
        ref={area}
        aria-label={label}
        readOnly={onChange === undefined}
        spellCheck={false}
        autoCapitalize="off"
        autoCorrect="off"
        wrap="off"
        value={text}
        onChange={(event) => onChange?.(event.target.value)}
        onScroll={(event) => setScrolled(event.currentTarget.scrollTop)}
        className="min-h-0 flex-1 resize-none overflow-auto bg-transparent p-2 whitespace-pre outline-none"
      />
    </div>
  );
}

/** The problems in words, each with its remedy; choosing one leads to its place. */
export function ProblemList({
  problems,
  onChoose,
}: {
  problems: readonly FlowProblem[];
  onChoose?: (problem: FlowProblem) => void;
}) {
  return (
    <ul className="flex flex-col gap-1">
      {problems.map((each) => (
        <li key={`${each.place} ${each.line} ${each.column} ${each.message}`}>
          {each.line > 0 && onChoose ? (
            <button
              type="button"
              className="mr-2 font-mono text-xs text-accent underline"
              onClick={() => onChoose(each)}
            >
              line {each.line}
            </button>
          ) : (
            <code className="mr-2 font-mono text-xs">{each.line > 0 ? `line ${each.line}` : each.place}</code>
          )}
          <span className="text-bad">{each.message}</span> {each.remedy}
        </li>
      ))}
    </ul>
  );
}

function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return Math.min(text.length, before + Math.min(column - 1, lines[line - 1]?.length ?? 0));
}

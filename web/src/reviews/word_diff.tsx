import { useMemo } from "react";
import { amounts, difference } from "./words";

/** How a text was changed, word by word. */
export function WordDiff({ before, after, label }: { before: string; after: string; label: string }) {
  const pieces = useMemo(() => difference(before, after), [before, after]);
  const many = amounts(pieces);
  const same = pieces.every((piece) => piece.how === "same");
  return (
    <div className="flex min-h-0 flex-col gap-1">
      <p className="text-xs text-soft" aria-live="polite">
        {same ? "Nothing is changed yet." : `Words added: ${many.added}, removed: ${many.removed}`}
      </p>
      <div
        role="region"
        aria-label={label}
        tabIndex={0}
        className="min-h-20 flex-1 overflow-auto rounded-md border bg-card p-2.5 whitespace-pre-wrap lg:max-h-[45dvh]"
      >
        {pieces.map((piece, index) => {
          const key = `${index} ${piece.how}`;
          if (piece.how === "same") return <span key={key}>{piece.text}</span>;
          if (piece.how === "added")
            return (
              <ins key={key} className="rounded-sm bg-good/15 text-good">
                {piece.text}
              </ins>
            );
          return (
            <del key={key} className="rounded-sm bg-bad/15 text-bad">
              {piece.text}
            </del>
          );
        })}
      </div>
    </div>
  );
}

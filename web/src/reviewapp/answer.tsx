import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "@/shell/me";
import { Panel } from "@/ui/panel";
import type { Answer, Source } from "./data";
import { FiguresTable } from "./figures_table";
import { beginning, excerpt } from "./marked";
import { ReviewSheet } from "./review_sheet";

const LONG = 360;

interface Cited {
  source: Source;
  sentence: string;
}

/** An answer: figures where some were asked for, sentences with their sources, and what was taken out. */
export function Shown({ answer, question }: { answer: Answer; question: string }) {
  const [open, setOpen] = useState<Cited | null>(null);
  const mayRuns = useMay("runs:read");
  return (
    <Panel
      title="Answer"
      actions={
        mayRuns && (
          <Link
            to="/runs/$runId"
            params={{ runId: answer.run_id } as never}
            className="text-[13px] text-accent underline"
          >
            The run that found it
          </Link>
        )
      }
    >
      <div className="flex flex-col gap-4">
        {answer.figures && <FiguresTable figures={answer.figures} />}
        {answer.sentences.length > 0 ? (
          <Sentences answer={answer} question={question} onOpen={setOpen} />
        ) : (
          !answer.figures && <p className="text-[15px]">{answer.text}</p>
        )}
        <Removed removed={answer.removed} />
        <Footnotes answer={answer} />
      </div>
      <ReviewSheet id={open?.source.id ?? null} sentence={open?.sentence ?? ""} onClose={() => setOpen(null)} />
    </Panel>
  );
}

function Sentences({ answer, question, onOpen }: { answer: Answer; question: string; onOpen: (cited: Cited) => void }) {
  return (
    <ul aria-label="What reviews say" className="flex max-w-[75ch] flex-col gap-3">
      {answer.sentences.map((sentence) => (
        <li key={sentence.text} className="text-[15px]">
          <Passage text={sentence.text} question={question} />{" "}
          {sentence.sources.map((number) => {
            const source = answer.sources.find((each) => each.number === number);
            if (!source) return null;
            return (
              <button
                key={number}
                type="button"
                title={beginning(source.text, 160)}
                aria-label={`Source ${number}`}
                className="rounded px-0.5 align-baseline text-[13px] font-semibold text-accent hover:bg-sunk"
                onClick={() => onOpen({ source, sentence: sentence.text })}
              >
                [{number}]
              </button>
            );
          })}
        </li>
      ))}
    </ul>
  );
}

/** A sentence; what is as long as a whole passage is cut to where it speaks of the question, until all is wanted. */
function Passage({ text, question }: { text: string; question: string }) {
  const [whole, setWhole] = useState(false);
  if (text.length <= LONG) return <>{text}</>;
  return (
    <>
      {whole ? text : excerpt(text, question, LONG)}{" "}
      <button
        type="button"
        aria-expanded={whole}
        className="text-[13px] text-soft underline hover:text-ink"
        onClick={() => setWhole(!whole)}
      >
        {whole ? "less" : "more"}
      </button>
    </>
  );
}

function Removed({ removed }: { removed: Answer["removed"] }) {
  if (removed.length === 0) return null;
  return (
    <details>
      <summary className="cursor-pointer text-soft">
        {removed.length === 1 ? "A sentence was" : `${removed.length} sentences were`} removed: no review supports{" "}
        {removed.length === 1 ? "it" : "them"}
      </summary>
      <ul className="mt-2 flex flex-col gap-2">
        {removed.map((each) => (
          <li key={each.text}>
            <del className="text-soft">{each.text}</del> <span className="text-bad">{each.reason}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Footnotes({ answer }: { answer: Answer }) {
  const notes = [
    ...(answer.understood ? [`Read: ${answer.understood.toLowerCase()}.`] : []),
    ...(answer.enough ? [] : ["There was not enough information for an answer."]),
    ...answer.notes,
  ];
  if (notes.length === 0) return null;
  return (
    <ul className="border-t pt-2 text-xs text-soft">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

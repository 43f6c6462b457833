import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Failure } from "@/ui/failure";
import { Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { type Hit, type Question, searchQuery } from "./data";
import { excerpt } from "./marked";
import { ReviewSheet } from "./review_sheet";
import { Sentiment, Stars } from "./sentiment";

const LISTS: Record<string, string> = { vector: "meaning", text: "words", place: "place" };

/** What a search finds, the best first, each with why. */
export function Found({ question }: { question: Question }) {
  const found = useQuery(searchQuery(question));
  const [open, setOpen] = useState<string | null>(null);
  if (found.isLoadingError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <Panel title="Reviews that were found" flush>
      {found.isPending && <p className="p-4 text-soft">Searching…</p>}
      {found.data?.hits.length === 0 && <p className="p-4 text-soft">No review is like that.</p>}
      <ol className="divide-y">
        {found.data?.hits.map((hit) => (
          <OneHit key={hit.id} hit={hit} question={question.question} onOpen={() => setOpen(hit.id)} />
        ))}
      </ol>
      {(found.data?.notes.length ?? 0) > 0 && (
        <p className="border-t px-4 py-2 text-xs text-soft">{found.data?.notes.join(" ")}</p>
      )}
      <ReviewSheet id={open} onClose={() => setOpen(null)} />
    </Panel>
  );
}

function OneHit({ hit, question, onOpen }: { hit: Hit; question: string; onOpen: () => void }) {
  const { product, stars, sentiment } = hit.metadata;
  return (
    <li className="flex flex-col gap-1.5 px-4 py-3">
      <button type="button" className="max-w-[85ch] text-left hover:underline" onClick={onOpen}>
        {excerpt(hit.text, question, 260)}
      </button>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-soft">
        {typeof product === "string" && <span>{product}</span>}
        {typeof stars === "number" && <Stars value={stars} />}
        {typeof sentiment === "number" && <Sentiment value={sentiment} />}
        <span className="flex flex-wrap gap-1">
          {hit.lists.map((each) => (
            <Badge
              key={each.list}
              title={`Rank ${each.rank} by ${LISTS[each.list] ?? each.list}, score ${each.score.toFixed(3)}`}
            >
              {LISTS[each.list] ?? each.list} {each.rank}.
            </Badge>
          ))}
        </span>
      </div>
    </li>
  );
}

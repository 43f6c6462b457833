import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { type FormEvent, useMemo, useState } from "react";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Input } from "@/ui/field";
import { Shown } from "./answer";
import { AskFilters } from "./ask_filters";
import { type Asked, questionOf, readAsked, writtenAsked } from "./asked";
import { answerQuery, overviewQuery } from "./data";
import { EnginePage } from "./engine_page";
import { Found } from "./found";

const EXAMPLES = [
  "What do people say about the battery life?",
  "Is the sound good?",
  "How many negative reviews were there by month?",
  "Average rating by product",
  "Why do people send it back?",
  "Most mentioned themes",
];

/** Questions to the reviews: an answer that cites them, figures, and what a search finds. */
export default function AskPage() {
  const asked = readAsked(useSearch({ strict: false }) as Record<string, unknown>);
  const go = useNavigate();
  const [words, setWords] = useState(asked.q);
  const [seen, setSeen] = useState(asked.q);
  if (seen !== asked.q) {
    setSeen(asked.q); // the address changed by itself: back, forward, an example
    setWords(asked.q);
  }
  const change = (to: Partial<Asked>) =>
    void go({ to: "/apps/reviews/ask", search: writtenAsked({ ...asked, ...to }) as never });
  const ask = (event: FormEvent) => {
    event.preventDefault();
    change({ q: words.trim() });
  };
  return (
    <EnginePage title="Ask the reviews">
      <form onSubmit={ask} role="search" className="flex gap-2">
        <Input
          aria-label="Your question"
          placeholder="What do you want to know?"
          className="min-w-0 flex-1 px-3 py-2 text-base"
          maxLength={4000}
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        <Button type="submit" look="main" disabled={words.trim() === ""}>
          <Search size={14} aria-hidden /> Ask
        </Button>
      </form>
      <AskFilters asked={asked} onChange={change} />
      {asked.q === "" ? <Examples onChoose={(q) => change({ q })} /> : <Answered asked={asked} />}
    </EnginePage>
  );
}

function Examples({ onChoose }: { onChoose: (question: string) => void }) {
  return (
    <section aria-label="Examples" className="flex flex-col gap-2 rounded-lg border bg-card p-4">
      <p className="text-soft">
        Ask what customers say, and the answer cites the reviews that say it. Ask how many, how good or which, and it is
        counted. For example:
      </p>
      <ul className="flex flex-wrap gap-2">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <Button className="py-1 text-left whitespace-normal!" onClick={() => onChoose(example)}>
              {example}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Answered({ asked }: { asked: Asked }) {
  const { q, product, stars, theme, lat, lon } = asked;
  const question = useMemo(
    () => questionOf({ q, product, stars, theme, lat, lon }),
    [q, product, stars, theme, lat, lon],
  );
  const answer = useQuery(answerQuery(question));
  const { data: overview } = useQuery(overviewQuery(365));
  const missing = (overview?.totals.analysed ?? 0) - (overview?.totals.indexed ?? 0);
  return (
    <>
      {missing > 0 && (
        <p role="note" className="text-xs text-soft">
          {overview?.totals.indexed} of {overview?.totals.analysed} reviews can be searched yet; the others follow by
          themselves.
        </p>
      )}
      {answer.isPending && (
        <p role="status" className="animate-pulse rounded-lg border bg-card p-4 text-soft">
          Reading reviews…
        </p>
      )}
      {answer.isError && <Failure error={answer.error} retry={() => void answer.refetch()} />}
      {answer.data && <Shown answer={answer.data} question={q} />}
      <Found question={question} />
    </>
  );
}

import { Time } from "@/ui/amounts";
import { editable } from "./content";
import type { Detail } from "./data";
import { nameOf } from "./marks";
import { WordDiff } from "./word_diff";

const TOLD: Record<string, string> = {
  requested: "It was asked",
  assigned: "Given to somebody",
  claimed: "Taken in hand",
  released: "Given back",
  snoozed: "Put off",
  escalated: "Handed to others",
  endorsed: "Approved by the first of two",
  decided: "Decided",
  withdrawn: "Withdrawn",
};

/** What happened to a review, and what was made of its content. */
export function History({ review }: { review: Detail }) {
  const edits = review.decisions.filter((decision) => decision.edited && decision.final);
  return (
    <>
      <ol className="flex flex-col gap-0.5">
        {review.history.map((each) => (
          <li key={each.version} className="flex flex-wrap gap-x-2">
            <span className="text-soft tabular-nums">
              <Time at={each.at} />
            </span>
            <span>
              {TOLD[each.what] ?? each.what}
              {each.by && ` by ${nameOf(each.by)}`}
              <Facts detail={each.detail} />
            </span>
          </li>
        ))}
      </ol>
      {review.decisions
        .filter((decision) => decision.comments)
        .map((decision) => (
          <blockquote key={decision.at} className="border-l-2 pl-3">
            {decision.comments} <span className="text-soft">({nameOf(decision.by)})</span>
          </blockquote>
        ))}
      {edits.map((decision) => (
        <WordDiff
          key={decision.at}
          before={editable(review.content)}
          after={editable(decision.value)}
          label="What was changed"
        />
      ))}
    </>
  );
}

function Facts({ detail }: { detail: Record<string, unknown> }) {
  const told = Object.entries(detail).filter(([, value]) => value !== null && value !== false && value !== "");
  if (told.length === 0) return null;
  const written = told.map(([name, value]) =>
    value === true ? name : `${name.replaceAll("_", " ")}: ${plain(value)}`,
  );
  return <span className="text-soft"> ({written.join(", ")})</span>;
}

function plain(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const time = /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : null;
  return time && !Number.isNaN(time.getTime()) ? time.toLocaleString() : value;
}

import type { ReactNode } from "react";
import { Json } from "@/ui/json";
import { Badge } from "@/ui/status";
import { judged } from "./content";
import type { Detail } from "./data";
import { percent } from "./review_list";

const METHODS: Record<string, string> = {
  stated: "as the model stated it",
  samples: "the share of several answers that approve",
  logprobs: "by the probability of its verdict",
  checks: "a check failed, no model was asked",
};
const LEANED: Record<string, string> = {
  approve: "would approve it",
  escalate: "is in doubt",
  reject: "would reject it",
};

/** Why a person is asked: what the judge said and noticed, and what the policy demands. */
export function Why({ review }: { review: Detail }) {
  const said = judged(review.reason);
  return (
    <div className="flex flex-col gap-3">
      {said && (
        <p>
          {review.judge ? <b>{review.judge}</b> : "The judge"} {LEANED[said.verdict] ?? `says “${said.verdict}”`}
          {said.confidence !== null && <Confidence said={said} stated={review.stated ?? said.stated} />}
        </p>
      )}
      {said && said.reasons.length > 0 && (
        <ul className="list-disc pl-5">
          {said.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {said?.flags.map((flag) => (
        <p key={`${flag.topic} ${flag.how} ${flag.found}`} className="rounded-md bg-note px-3 py-2">
          <b>{flag.topic || flag.how}</b> {flag.topic && <span className="text-soft">by {flag.how}</span>}
          {flag.score !== null && <span className="text-soft"> ({flag.score.toFixed(2)})</span>}
          {flag.found && <>: “{flag.found}”</>}
        </p>
      ))}
      {!said && review.reason === null && <p className="text-soft">The flow asks a person each time it comes here.</p>}
      {!said && review.reason !== null && <Json value={review.reason} label="Why it came" />}
      <Rules review={review} />
    </div>
  );
}

function Confidence({ said, stated }: { said: NonNullable<ReturnType<typeof judged>>; stated: number | null }) {
  return (
    <>
      , with a confidence of <b>{percent(said.confidence ?? 0)}</b>{" "}
      {said.method && <span className="text-soft">({METHODS[said.method] ?? said.method})</span>}{" "}
      {said.calibrated ? (
        <Badge tone="good" title="Mapped to the share that people approved of what was scored so before.">
          calibrated{stated !== null && stated !== said.confidence && `, stated ${percent(stated)}`}
        </Badge>
      ) : (
        <Badge title="Too few decisions yet to tell how far this judge can be believed.">not calibrated</Badge>
      )}
    </>
  );
}

function Rules({ review }: { review: Detail }) {
  const rules: [string, ReactNode][] = [];
  if (review.policy) rules.push(["policy", review.policy]);
  if (review.content_type) rules.push(["kind of content", review.content_type]);
  if (review.mandatory) rules.push(["mandatory", "only a person decides, by itself"]);
  if (review.four_eyes) rules.push(["two people", "both must approve the same content"]);
  if (review.bulk_from !== null) rules.push(["with others", `from a confidence of ${percent(review.bulk_from)} on`]);
  if (review.assignee) rules.push(["given to", review.assignee]);
  if (rules.length === 0) return null;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5">
      {rules.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

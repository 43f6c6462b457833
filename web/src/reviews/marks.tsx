import { Clock, Flame, Hand, Lock, ShieldAlert, Users } from "lucide-react";
import { Badge } from "@/ui/status";
import { holder, isUrgent, left, URGENT_MS } from "./clocks";
import type { Review } from "./data";
import { useNow } from "./now";

const ICON = { size: 12, "aria-hidden": true } as const;

/** What is special about a review: urgent, sensitive, mandatory, two eyes more, held by somebody. */
export function Marks({ review, me }: { review: Review; me: string }) {
  const now = useNow();
  const held = review.state === "open" ? holder(review, now) : null;
  return (
    <>
      {review.state === "open" && isUrgent(review, now) && (
        <Badge tone="bad">
          <Flame {...ICON} /> urgent
        </Badge>
      )}
      {review.sensitive && (
        <Badge tone="busy">
          <ShieldAlert {...ICON} /> sensitive
        </Badge>
      )}
      {review.mandatory && (
        <Badge tone="accent" title="Only a person can decide it, by itself.">
          <Lock {...ICON} /> mandatory
        </Badge>
      )}
      {review.four_eyes && (
        <Badge tone="accent" title="Two different people must approve it.">
          <Users {...ICON} /> {review.first_by ? "second of two" : "two people"}
        </Badge>
      )}
      {held && (
        <Badge tone={held === me ? "good" : "busy"}>
          <Hand {...ICON} /> {held === me ? "you have it" : `${nameOf(held)} has it`}
        </Badge>
      )}
    </>
  );
}

/** The time until time decides, or until it goes to others; it counts down. */
export function Deadline({ review }: { review: Review }) {
  const now = useNow();
  if (review.state !== "open") return null;
  const due = review.due_at ?? review.escalate_at;
  if (due === null) return null;
  const rest = Date.parse(due) - now;
  const what = review.due_at ? `time decides “${review.on_deadline}”` : "it goes to others";
  return (
    <span
      className={`inline-flex items-center gap-1 tabular-nums ${rest < URGENT_MS ? "font-semibold text-bad" : "text-soft"}`}
      title={`${what} at ${new Date(due).toISOString().replace("T", " ").replace("Z", " UTC")}`}
    >
      <Clock {...ICON} />
      <span className="sr-only">{what} in</span>
      {left(rest)}
    </span>
  );
}

/** Who somebody is, without the kind in front: `user ann@acme.example` as `ann@acme.example`. */
export function nameOf(by: string): string {
  return by.startsWith("user ") ? by.slice(5) : by;
}

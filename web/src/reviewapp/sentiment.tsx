import { Star } from "lucide-react";
import { Badge, type Tone } from "@/ui/status";
import { figure, sentimentColour, sentimentWord } from "./colours";

/** A sentiment as a figure beside its colour. */
export function Sentiment({ value }: { value: number | null | undefined }) {
  return (
    <span className="inline-flex items-center gap-1.5 tabular-nums" title={`${sentimentWord(value)}, of 0 to 5`}>
      <span className="size-2.5 rounded-full" style={{ background: sentimentColour(value) }} aria-hidden />
      {figure(value)}
    </span>
  );
}

/** Stars as they were given, or the mean of many. */
export function Stars({ value }: { value: number | null | undefined }) {
  if (value === null || value === undefined) return <span className="text-soft">–</span>;
  return (
    <span className="inline-flex items-center gap-1 tabular-nums">
      {Number.isInteger(value) ? value : value.toFixed(1)}
      <Star size={12} className="fill-current text-busy" aria-hidden />
      <span className="sr-only">stars</span>
    </span>
  );
}

const TONES: Record<string, Tone> = { analysed: "good", new: "accent", duplicate: "busy", spam: "bad" };

/** What became of a review. */
export function Became({ status }: { status: string }) {
  return <Badge tone={TONES[status] ?? "soft"}>{status}</Badge>;
}

/** What the colours mean. */
export function Legend() {
  const steps = [1.5, 2, 2.5, 3, 3.5];
  return (
    <span className="flex items-center gap-1.5 text-xs text-soft">
      negative
      <span className="flex" aria-hidden>
        {steps.map((step) => (
          <span key={step} className="h-2.5 w-5" style={{ background: sentimentColour(step) }} />
        ))}
      </span>
      positive
    </span>
  );
}

import { clsx } from "clsx";

export type Tone = "good" | "bad" | "busy" | "soft" | "accent";

const TONES: Record<Tone, string> = {
  good: "text-good border-good/40",
  bad: "text-bad border-bad/40",
  busy: "text-busy border-busy/40",
  soft: "text-soft border-line",
  accent: "text-accent border-accent/40",
};

const OF: Record<string, Tone> = {
  completed: "good",
  done: "good",
  approved: "good",
  open: "busy",
  running: "accent",
  accepted: "soft",
  waiting: "busy",
  paused: "busy",
  failed: "bad",
  rejected: "bad",
  cancelled: "soft",
};

export function Badge({
  tone = "soft",
  className,
  children,
  title,
}: {
  tone?: Tone;
  className?: string;
  children: React.ReactNode;
  title?: string;
}) {
  return (
    <span
      title={title}
      className={clsx(
        "inline-flex items-center gap-1 rounded-full border px-2 text-xs font-medium leading-5 whitespace-nowrap",
        TONES[tone],
        className,
      )}
    >
      {children}
    </span>
  );
}

/** A state in its colour, with a dot that moves while something is at work. */
export function Status({ status }: { status: string }) {
  const tone = OF[status] ?? "soft";
  return (
    <Badge tone={tone}>
      <span className={clsx("size-1.5 rounded-full bg-current", status === "running" && "animate-pulse")} aria-hidden />
      {status}
    </Badge>
  );
}

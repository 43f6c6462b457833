import { clsx } from "clsx";
import { memo, useEffect, useRef } from "react";
import type { Entry } from "@/stream/entry";
import { duration } from "@/ui/amounts";
import { CHAR_PX, EntryText, LEAST_TEXT_PX } from "./paint";
import type { ScoreStore } from "./store";

const ENDS: Partial<Record<Entry["outcome"], string>> = {
  failed: "bg-bad",
  stopped: "bg-busy",
  cut: "bg-soft",
  dropped: "bg-soft",
};

interface Props {
  store: ScoreStore;
  entry: Entry;
  /** Changes with whatever React draws of it. */
  version: string;
  voice: number;
  pxPerMs: number;
  /** Where the next entry of the line begins, ms; infinity where none does. */
  until: number;
  chosen: boolean;
  onChoose: (path: string) => void;
}

/** One step at work: a bar from its entrance to its end, its text beneath as it is written, its waits and marks. */
export const EntryBar = memo(function EntryBar({ store, entry, voice, pxPerMs, until, chosen, onChoose }: Props) {
  const box = useRef<HTMLButtonElement>(null);
  const bar = useRef<HTMLSpanElement>(null);
  const words = useRef<HTMLSpanElement>(null);
  const x = (time: number) => store.scale.drawn(time) * pxPerMs;
  const left = x(entry.from);

  useEffect(() => {
    const text = new EntryText(entry);
    let seen: boolean | null = null;
    let shape = "";
    return store.paintWith(() => {
      if (!box.current || !bar.current || !words.current) return;
      const time = store.shown;
      const here = time >= entry.from;
      if (here !== seen) {
        seen = here;
        box.current.style.visibility = here ? "visible" : "hidden";
      }
      if (!here) return;
      const drawn = (at: number) => store.scale.drawn(at) * pxPerMs;
      const end = Math.min(entry.to ?? time, time);
      const width = Math.max(6, drawn(end) - drawn(entry.from));
      const gap = until === Number.POSITIVE_INFINITY ? LEAST_TEXT_PX : drawn(until) - drawn(entry.from) - 8;
      const room = Math.max(width, Math.min(LEAST_TEXT_PX, gap));
      const over = entry.to !== null && time >= entry.to;
      const side = over || entry.live.end * CHAR_PX < room ? "flex-start" : "flex-end";
      const now = `${Math.round(width)} ${Math.round(room)} ${side}`;
      if (now !== shape) {
        shape = now;
        bar.current.style.width = `${Math.round(width)}px`;
        box.current.style.width = `${Math.round(room)}px`;
        words.current.style.justifyContent = side;
      }
      text.paint(
        words.current.firstElementChild as HTMLElement,
        time,
        store.cursor === null,
        Math.ceil(room / CHAR_PX) + 8,
      );
    });
  }, [store, entry, pxPerMs, until]);

  const lasted = entry.to === null ? "at work" : duration(entry.to - entry.from);
  return (
    <button
      ref={box}
      type="button"
      aria-label={`${entry.path}, ${entry.outcome}, ${lasted}`}
      aria-pressed={chosen}
      onClick={() => onChoose(entry.node?.step ?? entry.path)}
      title={entry.node && entry.error ? entry.error : undefined}
      className={clsx(
        entry.node ? "top-2 h-6" : "top-1 h-11",
        "absolute overflow-hidden rounded-sm text-left [contain:strict]",
        chosen && "bg-sunk ring-1 ring-accent",
      )}
      style={{ left, ["--voice" as string]: `var(--voice-${(voice % 8) + 1})` }}
    >
      <span
        ref={bar}
        className="absolute top-0.5 left-0 h-2 overflow-hidden rounded-full bg-[color-mix(in_srgb,var(--voice)_75%,transparent)]"
      >
        {entry.pauses.map((pause) => (
          <span
            key={`${pause.kind} ${pause.from}`}
            title={pause.label}
            className="absolute inset-y-0 bg-card bg-[repeating-linear-gradient(90deg,var(--voice)_0_3px,transparent_3px_7px)]"
            style={{ left: x(pause.from) - left, width: pause.to === null ? 9_999 : x(pause.to) - x(pause.from) }}
          />
        ))}
        {entry.struck.map((each) => (
          <span
            key={each.from}
            title="written and taken back"
            className="absolute inset-y-0 bg-[repeating-linear-gradient(135deg,var(--bad)_0_2px,var(--card)_2px_5px)]"
            style={{ left: x(each.from) - left, width: Math.max(3, x(each.to) - x(each.from)) }}
          />
        ))}
      </span>
      {entry.to !== null && ENDS[entry.outcome] && (
        <span
          className={clsx("absolute top-0 h-3 w-1 rounded-sm", ENDS[entry.outcome])}
          style={{ left: Math.max(3, x(entry.to) - left - 2) }}
        />
      )}
      {entry.marks
        .filter((mark) => mark.kind !== "retract" && mark.kind !== "call")
        .map((mark) => (
          <span
            key={`${mark.kind} ${mark.at} ${mark.label}`}
            title={mark.label}
            className="absolute top-2.5 text-[9px] leading-none text-[var(--voice)]"
            style={{ left: Math.max(0, x(mark.at) - left - 3) }}
          >
            {SIGNS[mark.kind]}
          </span>
        ))}
      <span
        ref={words}
        className="absolute inset-x-0 top-5 flex overflow-hidden font-mono text-[11px] leading-5 whitespace-pre text-ink [&_s]:text-bad [&_s]:decoration-bad"
      >
        <span data-voice="" />
      </span>
    </button>
  );
});

const SIGNS: Record<string, string> = {
  retry: "↻",
  failed: "✗",
  steer: "↪",
  feedback: "✎",
  tool: "◆",
  deferred: "…",
  turn: "↻",
  verdict: "✓",
};

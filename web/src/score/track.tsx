import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Line } from "@/stream/run_score";
import { clock } from "@/ui/amounts";
import { EntryBar } from "./entry";
import type { ScoreStore } from "./store";

const LINE_PX = 52;
const NODE_LINE_PX = 30; // nodes have no text
const AXIS_PX = 24;
const LABEL_PX = 168;
const TRAILING_PX = 200; // for the text of what came last
const LIVE_PX_PER_MS = 0.045;
const STEPS_MS = [
  500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
];

interface Props {
  store: ScoreStore;
  /** 1 fits a run that is over into the view; beyond, it is so many times as wide. */
  zoom: number;
  follow: boolean;
  chosen: string | null;
  onChoose: (path: string) => void;
  onFollow: (follow: boolean) => void;
}

/** The lines of all voices over time. Only those in sight are drawn. */
export function Track({ store, zoom, follow, chosen, onChoose, onFollow }: Props) {
  useSyncExternalStore(store.watch, store.snapshot);
  const frame = useRef<HTMLDivElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  const { score } = store;
  const { lines, structure } = score;
  // Lines differ in height and change places: with each change of structure they are laid out anew.
  const keyOf = useMemo(
    () => (structure < 0 ? String : (index: number) => lineKey(lines[index], index)),
    [lines, structure],
  );
  const rows = useVirtualizer({
    count: lines.length,
    getItemKey: keyOf,
    getScrollElement: () => frame.current,
    estimateSize: (index) => (lines[index]?.of == null ? LINE_PX : NODE_LINE_PX),
    overscan: 4,
    paddingStart: AXIS_PX,
  });

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const room = Math.max(120, width - LABEL_PX - TRAILING_PX);
  const total = Math.max(1_000, store.scale.drawn(store.latest));
  // A run that waits stands as still as one that is over.
  const over = score.endedAt !== null || score.status === "waiting" || score.status === "paused";
  const pxPerMs = zoom * (over ? room / total : Math.max(LIVE_PX_PER_MS, Math.min(0.2, room / total)));
  const fixed = useRef(pxPerMs);
  // While a run goes on, its scale stays, so that nothing moves but what is new.
  if (over || Math.abs(fixed.current / pxPerMs - 1) > 0.5) fixed.current = pxPerMs;
  const scalePx = over ? pxPerMs : fixed.current;

  useEffect(() => {
    let sized = 0;
    return store.paintWith(() => {
      if (!frame.current || !sheet.current || !head.current) return;
      const x = store.scale.drawn(store.shown) * scalePx;
      const end = Math.max(x, store.scale.drawn(store.latest) * scalePx);
      const wide = over
        ? Math.floor(LABEL_PX + end + TRAILING_PX)
        : Math.ceil((LABEL_PX + end + TRAILING_PX) / 400) * 400;
      if (wide !== sized) {
        sized = wide; // to lay the sheet out anew costs more than all else
        sheet.current.style.width = `${wide}px`;
      }
      head.current.style.transform = `translateX(${LABEL_PX + x}px)`;
      const view = frame.current;
      if (over && store.speed === 0) {
        if (zoom === 1) view.scrollLeft = 0;
        return;
      }
      if (!follow) return;
      const at = x - view.scrollLeft;
      const seen = view.clientWidth - LABEL_PX;
      if (at > seen - 60 || at < 0) view.scrollLeft = Math.max(0, x - seen * 0.6);
    });
  }, [store, scalePx, follow, over, zoom]);

  const items = rows.getVirtualItems();
  return (
    <div
      ref={frame}
      role="region"
      aria-label="Score: one line for each voice"
      tabIndex={0}
      onWheel={(event) => event.deltaX < 0 && follow && onFollow(false)}
      className="relative min-h-0 flex-1 overflow-auto bg-card"
    >
      <div ref={sheet} className="relative min-w-full" style={{ height: rows.getTotalSize() + 8 }}>
        <Axis store={store} pxPerMs={scalePx} end={total} />
        {items.map((item) => {
          const line = score.lines[item.index] as Line;
          return (
            <div
              key={item.key}
              className="absolute inset-x-0 border-b border-line/60 [contain:layout_style]"
              style={{ height: item.size, top: item.start }}
            >
              <div
                className="sticky left-0 z-10 flex h-full flex-col justify-center border-r bg-card pr-2 pl-3"
                style={{ width: LABEL_PX, paddingLeft: 12 + line.depth * 10 }}
              >
                <Label line={line} />
              </div>
              <div className="absolute inset-y-0" style={{ left: LABEL_PX }}>
                {line.entries.map((entry, index) => (
                  <EntryBar
                    key={entry.path}
                    store={store}
                    entry={entry}
                    version={`${entry.outcome} ${entry.to} ${entry.marks.length} ${entry.pauses.length} ${entry.struck.length} ${store.scale.rests.length}`}
                    voice={voiceOf(score.lines, item.index)}
                    pxPerMs={scalePx}
                    until={line.entries[index + 1]?.from ?? Number.POSITIVE_INFINITY}
                    chosen={chosen === entry.path}
                    onChoose={onChoose}
                  />
                ))}
              </div>
            </div>
          );
        })}
        <div ref={head} className="pointer-events-none absolute inset-y-0 left-0 z-[5] w-px bg-accent" aria-hidden />
      </div>
    </div>
  );
}

function lineKey(line: Line | undefined, index: number): string {
  return line ? `${line.key} ${line.lane}` : String(index);
}

/** Lanes of one step have one colour, and so have its nodes. */
function voiceOf(lines: readonly Line[], index: number): number {
  let voice = 0;
  for (let at = 1; at <= index; at++) if (lines[at]?.lane === 0 && lines[at]?.of === null) voice += 1;
  return voice;
}

function Label({ line }: { line: Line }) {
  const last = line.entries[line.entries.length - 1];
  if (line.of !== null) return <NodeLabel line={line} of={line.of} />;
  const name = line.key.slice(line.key.lastIndexOf(".") + 1);
  return (
    <>
      <span className={clsx("truncate font-medium", line.lane > 0 && "text-soft")} title={line.key}>
        {line.lane === 0 ? name : `${name} ·${line.lane + 1}`}
      </span>
      <span className="truncate text-[11px] text-soft">{last?.model || last?.outcome}</span>
    </>
  );
}

function NodeLabel({ line, of }: { line: Line; of: string }) {
  const name = line.key.slice(of.length + 3);
  const inside = name.lastIndexOf("/") + 1;
  const node = name.slice(inside);
  return (
    <span className="flex min-w-0 text-xs" title={line.key}>
      <span className="min-w-6 truncate whitespace-pre text-soft">
        {`${of.slice(of.lastIndexOf(".") + 1)} › ${name.slice(0, inside)}`}
      </span>
      <span className={clsx("max-w-[80%] shrink-0 truncate font-medium", line.lane > 0 && "text-soft")}>
        {line.lane === 0 ? node : `${node} ·${line.lane + 1}`}
      </span>
    </span>
  );
}

function Axis({ store, pxPerMs, end }: { store: ScoreStore; pxPerMs: number; end: number }) {
  const step = STEPS_MS.find((each) => each * pxPerMs >= 64) ?? 3_600_000;
  const ticks: number[] = [];
  for (let at = 0; at <= end + step && ticks.length < 400; at += step) ticks.push(at);
  return (
    <div className="sticky top-0 z-20 border-b bg-card" style={{ height: AXIS_PX }} aria-hidden>
      {ticks.map((drawn) => (
        <span
          key={drawn}
          className="absolute bottom-0 border-l pl-1 text-[10px] leading-4 text-soft tabular-nums"
          style={{ left: LABEL_PX + drawn * pxPerMs }}
        >
          {step < 1000 ? `${(drawn / 1000).toFixed(1)}` : clock(store.scale.time(drawn) - store.scale.start)}
        </span>
      ))}
      {store.scale.rests.map((rest) => (
        <span
          key={rest.from}
          title="a long rest, drawn short"
          className="absolute inset-y-1 bg-[repeating-linear-gradient(135deg,var(--line)_0_2px,transparent_2px_6px)]"
          style={{
            left: LABEL_PX + store.scale.drawn(rest.from) * pxPerMs,
            width: (store.scale.drawn(rest.to) - store.scale.drawn(rest.from)) * pxPerMs,
          }}
        />
      ))}
      <span className="sticky left-0 block h-full border-r bg-card" style={{ width: LABEL_PX }} />
    </div>
  );
}

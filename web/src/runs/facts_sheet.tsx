import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState, useSyncExternalStore } from "react";
import type { ScoreStore } from "@/score/store";
import type { FactEvent } from "@/stream/events";
import { clock } from "@/ui/amounts";
import { Input } from "@/ui/field";
import { Json } from "@/ui/json";

const ROW_PX = 30;

/** What happened, fact by fact. */
export function FactsSheet({ store }: { store: ScoreStore }) {
  useSyncExternalStore(store.watch, store.snapshot);
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState<FactEvent | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const needle = words.trim().toLowerCase();
  const facts = needle
    ? store.score.facts.filter((fact) => `${fact.name} ${fact.step ?? ""}`.toLowerCase().includes(needle))
    : store.score.facts;
  const rows = useVirtualizer({
    count: facts.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  return (
    <div className="flex h-full min-h-80 flex-col gap-2 p-3">
      <Input
        type="search"
        aria-label="Search facts"
        placeholder="Name or step"
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
      <div
        ref={frame}
        role="region"
        aria-label="Facts"
        tabIndex={0}
        className="min-h-48 flex-1 overflow-auto rounded-md border"
      >
        <div className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((item) => {
            const fact = facts[item.index] as FactEvent;
            return (
              <button
                key={fact.seq}
                type="button"
                aria-pressed={chosen?.seq === fact.seq}
                onClick={() => setChosen(fact)}
                className="absolute inset-x-0 flex items-center gap-2 px-2 text-left text-xs hover:bg-sunk aria-pressed:bg-sunk"
                style={{ height: ROW_PX, top: item.start }}
              >
                <span className="w-12 shrink-0 text-right text-soft tabular-nums">
                  {clock(Date.parse(fact.at) - store.scale.start)}
                </span>
                <span className="font-medium">{fact.name}</span>
                <span className="truncate font-mono text-soft">{fact.step}</span>
              </button>
            );
          })}
        </div>
      </div>
      {chosen && <Json value={chosen} label={`Fact ${chosen.seq}`} />}
    </div>
  );
}

import { Minus, Pause, Play, Plus, SkipBack, SkipForward } from "lucide-react";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { clock } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Select } from "@/ui/field";
import { Badge } from "@/ui/status";
import { type ScoreStore, SLOWLY_MS, SPEEDS } from "./store";

const STEPS = 500;

interface Props {
  store: ScoreStore;
  zoom: number;
  onZoom: (zoom: number) => void;
  speed: number;
  onSpeed: (speed: number) => void;
}

/** Goes through a run's time: plays it again, stands still, goes along with what happens. */
export function Transport({ store, zoom, onZoom, speed, onSpeed }: Props) {
  useSyncExternalStore(store.watch, store.snapshot);
  const slider = useRef<HTMLInputElement>(null);
  const told = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      store.paintWith(() => {
        if (!slider.current || !told.current) return;
        const total = store.scale.drawn(store.latest);
        const at = store.scale.drawn(store.shown);
        const step = Math.max(10, Math.round(total / STEPS));
        slider.current.step = String(step); // an arrow key goes one step
        slider.current.max = String(Math.ceil(total / step) * step); // so that its thumb reaches the end
        if (document.activeElement !== slider.current || store.cursor === null || store.speed > 0) {
          slider.current.value = String(at);
        }
        told.current.textContent = `${clock(store.shown - store.scale.start)} / ${clock(store.latest - store.scale.start)}`;
      }, SLOWLY_MS),
    [store],
  );
  const live = store.cursor === null;
  const over = store.score.endedAt !== null;
  const playing = store.speed > 0;
  return (
    <div className="flex flex-wrap items-center gap-2 border-b px-3 py-1.5">
      <Button look="quiet" square aria-label="To the beginning" onClick={() => store.go(store.scale.start)}>
        <SkipBack size={15} aria-hidden />
      </Button>
      <Button
        square
        aria-label={playing ? "Stand still" : "Play again"}
        onClick={() => store.play(playing ? 0 : speed)}
      >
        {playing ? <Pause size={15} aria-hidden /> : <Play size={15} aria-hidden />}
      </Button>
      <Button
        look="quiet"
        square
        aria-label={over ? "To the end" : "To what is happening"}
        onClick={() => store.go(null)}
      >
        <SkipForward size={15} aria-hidden />
      </Button>
      <Select
        aria-label="Speed"
        value={speed}
        onChange={(event) => {
          onSpeed(Number(event.target.value));
          if (playing) store.play(Number(event.target.value));
        }}
      >
        {SPEEDS.map((each) => (
          <option key={each} value={each}>
            {each}×
          </option>
        ))}
      </Select>
      <input
        ref={slider}
        type="range"
        min={0}
        aria-label="Time"
        className="min-w-24 flex-1 accent-accent"
        onChange={(event) => {
          store.speed = 0;
          store.go(store.scale.time(Number(event.target.value)));
        }}
      />
      <span ref={told} className="text-xs text-soft tabular-nums" />
      {live && !over && <Badge tone="accent">live</Badge>}
      <Button
        look="quiet"
        square
        aria-label="Narrower"
        disabled={zoom <= 1}
        onClick={() => onZoom(Math.max(1, zoom / 1.6))}
      >
        <Minus size={15} aria-hidden />
      </Button>
      <Button look="quiet" square aria-label="Wider" disabled={zoom > 30} onClick={() => onZoom(zoom * 1.6)}>
        <Plus size={15} aria-hidden />
      </Button>
    </div>
  );
}

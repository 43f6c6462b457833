import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Size } from "./projection";

/** How much closer a key or a button brings the map. */
export const CLOSER = 1.5;
const STEP_PX = 60;

/** What a key does to the map; nothing for those that are not its own. */
export function keys(
  key: string,
  to: { move: (dx: number, dy: number) => void; closer: (times: number) => void; all: () => void },
): (() => void) | undefined {
  const acts = new Map([
    ["ArrowLeft", () => to.move(STEP_PX, 0)],
    ["ArrowRight", () => to.move(-STEP_PX, 0)],
    ["ArrowUp", () => to.move(0, STEP_PX)],
    ["ArrowDown", () => to.move(0, -STEP_PX)],
    ["+", () => to.closer(CLOSER)],
    ["=", () => to.closer(CLOSER)],
    ["-", () => to.closer(1 / CLOSER)],
    ["0", to.all],
  ]);
  return acts.get(key);
}

/** How large an element is. */
export function useSize(box: { current: HTMLDivElement | null }): Size {
  const [size, setSize] = useState<Size>({ width: 800, height: 480 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    return () => resized.disconnect();
  }, [box]);
  return size;
}

/** The wheel, as React listens to it, could not keep the page from scrolling. */
export function useWheel(
  box: { current: HTMLDivElement | null },
  turned: (times: number, at: { x: number; y: number }) => void,
): void {
  const told = useRef(turned);
  told.current = turned;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const listen = (event: WheelEvent) => {
      event.preventDefault();
      const edge = element.getBoundingClientRect();
      told.current(Math.exp(-event.deltaY / 400), { x: event.clientX - edge.left, y: event.clientY - edge.top });
    };
    element.addEventListener("wheel", listen, { passive: false });
    return () => element.removeEventListener("wheel", listen);
  }, [box]);
}

import { type PointerEvent, useRef } from "react";

const STILL_PX = 4;

/** Dragging with any pointer: how far since the last move. `moved` says whether the press that just ended was a drag. */
export function useDrag(onDrag: (dx: number, dy: number) => void) {
  const from = useRef<{ x: number; y: number; far: number } | null>(null);
  const far = useRef(0);
  return {
    moved: () => far.current > STILL_PX,
    handlers: {
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0) return;
        far.current = 0;
        from.current = { x: event.clientX, y: event.clientY, far: 0 };
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        const last = from.current;
        if (!last) return;
        const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
        far.current += Math.abs(dx) + Math.abs(dy);
        if (far.current > STILL_PX) event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { x: event.clientX, y: event.clientY, far: far.current };
        onDrag(dx, dy);
      },
      onPointerUp: () => {
        from.current = null;
      },
      onPointerCancel: () => {
        from.current = null;
      },
    },
  };
}

import { useEffect, useRef } from "react";
import type { Entry, TextAt } from "@/stream/entry";
import type { Span } from "@/stream/voice_text";
import { type ScoreStore, SLOWLY_MS } from "./store";

/** All that a step has written, as it stood at the time shown; what was taken back is struck out. */
export function VoiceSheet({ store, entry }: { store: ScoreStore; entry: Entry }) {
  const sheet = useRef<HTMLPreElement>(null);
  useEffect(() => {
    let shown = "";
    let known: TextAt | null = null;
    return store.paintWith(() => {
      const element = sheet.current;
      if (!element) return;
      const live = store.cursor === null;
      if (!live) known = entry.textAt(store.shown, known);
      const text = live ? entry.live : known?.text;
      const now = live ? `live ${entry.live.version}` : `at ${known?.index}`;
      if (!text || now === shown) return;
      shown = now;
      const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
      write(element, text.spans);
      if (atEnd) element.scrollTop = element.scrollHeight;
    }, SLOWLY_MS);
  }, [store, entry]);
  return (
    <pre
      ref={sheet}
      role="region"
      tabIndex={0}
      aria-label={`Text of ${entry.path}`}
      className="max-h-[40vh] min-h-16 overflow-auto rounded-md border bg-sunk p-3 font-mono text-xs leading-5 whitespace-pre-wrap [&_s]:text-bad"
    />
  );
}

/** Changes what an element shows into these spans; what grows at its end costs no more than what is new. */
function write(element: HTMLElement, spans: readonly Span[]): void {
  for (let index = 0; index < spans.length; index++) {
    const span = spans[index] as Span;
    const tag = span.struck === null ? "SPAN" : "S";
    let child = element.children[index] as HTMLElement | undefined;
    if (!child || child.tagName !== tag) {
      const fresh = document.createElement(tag);
      if (span.struck) fresh.title = `taken back: ${span.struck}`;
      if (child) child.replaceWith(fresh);
      else element.append(fresh);
      child = fresh;
    }
    const node = child.firstChild as Text | null;
    if (!node) child.textContent = span.text;
    else if (node.data.length < span.text.length && span.text.startsWith(node.data))
      node.appendData(span.text.slice(node.data.length));
    else if (node.data !== span.text) node.data = span.text;
  }
  while (element.children.length > spans.length) element.lastElementChild?.remove();
}

import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { asProblem } from "@/api/problem";
import { Button } from "./button";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  action?: { label: string; run: () => void };
}

let toasts: readonly Toast[] = [];
let next = 1;
const watchers = new Set<() => void>();

function change(now: readonly Toast[]): void {
  toasts = now;
  for (const watcher of watchers) watcher();
}

/** Says something for a while. Returns what takes it away sooner. */
export function say(
  text: string,
  options: { tone?: Toast["tone"]; forMs?: number; action?: Toast["action"] } = {},
): () => void {
  const id = next++;
  const close = () => change(toasts.filter((toast) => toast.id !== id));
  const toast: Toast = {
    id,
    text,
    tone: options.tone ?? "plain",
    ...(options.action ? { action: options.action } : {}),
  };
  change([...toasts.slice(-3), toast]);
  setTimeout(close, options.forMs ?? 5000);
  return close;
}

/** Says that something went wrong, and what to do. */
export function sayProblem(error: unknown): void {
  const problem = asProblem(error);
  say(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title, { tone: "bad", forMs: 10_000 });
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => toasts,
  );
  return (
    <div
      role="status"
      aria-live="polite"
      className="fixed right-3 bottom-[var(--toasts-bottom,0.75rem)] z-50 flex w-[min(26rem,calc(100vw-1.5rem))] flex-col gap-2"
    >
      {shown.map((toast) => (
        <div
          key={toast.id}
          className={`flex items-start gap-2 rounded-md border bg-card p-3 shadow-lg ${toast.tone === "bad" ? "border-bad" : ""}`}
        >
          <p className="flex-1">{toast.text}</p>
          {toast.action && (
            <Button
              onClick={() => {
                toast.action?.run();
                change(toasts.filter((each) => each.id !== toast.id));
              }}
            >
              {toast.action.label}
            </Button>
          )}
          <Button
            look="quiet"
            square
            aria-label="Close"
            onClick={() => change(toasts.filter((each) => each.id !== toast.id))}
          >
            <X size={14} aria-hidden />
          </Button>
        </div>
      ))}
    </div>
  );
}

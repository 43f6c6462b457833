import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { useMay } from "@/shell/me";
import { count } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { say, sayProblem } from "@/ui/toasts";
import { takeBack } from "./data";
import { beginning } from "./marked";

/** Takes reviews in that were set aside, says so, and has all that is shown asked for anew. */
export function useTakeIn() {
  const queries = useQueryClient();
  const go = useNavigate();
  return useMutation({
    mutationFn: takeBack,
    onSuccess: (taken) =>
      say(taken === 1 ? "The review is being taken in." : `${count(taken)} reviews are being taken in.`, {
        forMs: 10_000,
        action: { label: "See how far it is", run: () => void go({ to: "/apps/reviews" }) },
      }),
    onError: sayProblem,
    onSettled: () => queries.invalidateQueries({ queryKey: ["reviewapp"] }),
  });
}

/** Takes in one review that was set aside; shown to those who may. */
export function TakeIn({ id, text }: { id: string; text: string }) {
  const may = useMay("apps:write");
  const taking = useTakeIn();
  if (!may) return null;
  return (
    <Button
      disabled={taking.isPending}
      aria-label={`Take it in: ${beginning(text, 60)}`}
      onClick={() => taking.mutate([id])}
    >
      <Undo2 size={14} aria-hidden /> Take it in
    </Button>
  );
}

/** Which of the reviews that are shown are chosen. Those that are gone are chosen no more. */
export function useChosen(shown: readonly string[]) {
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const chosen = shown.filter((id) => marked.has(id));
  return {
    chosen,
    has: (id: string) => marked.has(id),
    all: chosen.length > 0 && chosen.length === shown.length,
    mark: (id: string, on: boolean) => setMarked(new Set(on ? [...chosen, id] : chosen.filter((each) => each !== id))),
    markAll: (on: boolean) => setMarked(new Set(on ? shown : [])),
  };
}

export type Chosen = ReturnType<typeof useChosen>;

/** Takes in all that are chosen, and chooses all or none. */
export function TakeInChosen({ of }: { of: Chosen }) {
  const may = useMay("apps:write");
  const taking = useTakeIn();
  const many = of.chosen.length;
  if (!may) return null;
  return (
    <div className="flex min-h-8 flex-wrap items-center gap-3">
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={of.all}
          ref={(box) => {
            if (box) box.indeterminate = many > 0 && !of.all;
          }}
          onChange={() => of.markAll(!of.all)}
        />
        Select all that are shown
      </label>
      {many > 0 && (
        <Button look="main" disabled={taking.isPending} onClick={() => taking.mutate(of.chosen)}>
          <Undo2 size={14} aria-hidden /> {taking.isPending ? "Taking in…" : `Take in ${count(many)} selected`}
        </Button>
      )}
    </div>
  );
}

/** Chooses one. */
export function ChooseBox({ of, id, text }: { of: Chosen; id: string; text: string }) {
  if (!useMay("apps:write")) return null;
  return (
    <input
      type="checkbox"
      className="size-4 shrink-0 accent-accent"
      aria-label={`Select: ${beginning(text, 60)}`}
      checked={of.has(id)}
      onChange={(event) => of.mark(id, event.target.checked)}
    />
  );
}

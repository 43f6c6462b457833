import { Check, Clock, Hand, Pencil, Undo2, UserPlus, X } from "lucide-react";
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Button, type ButtonProps } from "@/ui/button";
import { holder } from "./clocks";
import type { Detail } from "./data";
import type { Command } from "./keys";
import { nameOf } from "./marks";
import { useNow } from "./now";

/** What can be done with the review that is open. */
export function ActionBar({ review, me, run }: { review: Detail; me: string; run: (command: Command) => void }) {
  const held = holder(review, useNow());
  const bar = useClearOfToasts();
  const blocked = held !== null && held !== me;
  const again = review.four_eyes && review.first_by === me;
  const why = blocked ? `${nameOf(held)} has it in hand.` : again ? "You have approved it; another must, too." : "";
  const act = (command: Command, label: string, key: string, icon: ReactNode, more: Partial<ButtonProps> = {}) => (
    <Button
      aria-keyshortcuts={key}
      title={`${review.next[command] ?? label} (${key})`}
      disabled={blocked}
      onClick={() => run(command)}
      {...more}
    >
      {icon}
      <span className={more.look === "quiet" ? "max-[90rem]:sr-only" : ""}>{label}</span>
    </Button>
  );
  return (
    <footer ref={bar} className="flex flex-wrap items-center gap-1.5 border-t bg-card px-3 py-2.5">
      {act("approve", "Approve", "a", <Check size={15} aria-hidden />, { look: "main", disabled: blocked || again })}
      {act("edit", "Edit", "e", <Pencil size={15} aria-hidden />, { disabled: blocked || again })}
      {act("reject", "Reject", "r", <X size={15} aria-hidden />, { look: "danger" })}
      {act("changes", "Changes", "c", <Undo2 size={15} aria-hidden />)}
      <span className="flex flex-wrap gap-1 ml-auto">
        {act("claim", held === me ? "Give back" : "Take", "h", <Hand size={15} aria-hidden />, { look: "quiet" })}
        {act("snooze", "Later", "s", <Clock size={15} aria-hidden />, { look: "quiet", disabled: false })}
        {act("assign", "Assign", "l", <UserPlus size={15} aria-hidden />, { look: "quiet", disabled: false })}
      </span>
      {why && <p className="w-full text-xs text-soft">{why}</p>}
    </footer>
  );
}

/** Lets what the page says appear above the bar and not on its buttons. */
function useClearOfToasts() {
  const bar = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const { style } = document.documentElement;
    const watch = new ResizeObserver(() => {
      style.setProperty("--toasts-bottom", `${(bar.current?.offsetHeight ?? 0) + 12}px`);
    });
    if (bar.current) watch.observe(bar.current);
    return () => {
      watch.disconnect();
      style.removeProperty("--toasts-bottom");
    };
  }, []);
  return bar;
}

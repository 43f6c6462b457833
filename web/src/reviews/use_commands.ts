import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useEffectEvent, useState } from "react";
import { api, body } from "@/api/client";
import { serverNow } from "@/api/server_clock";
import { say, sayProblem } from "@/ui/toasts";
import type { Address } from "./address";
import { holder } from "./clocks";
import { editable, edited } from "./content";
import { type Detail, itemQuery, type Review, refresh, type Verdict } from "./data";
import type { Decisions, Desk, Work } from "./decisions";
import { useDrafts } from "./drafts";
import { type Command, commandOf, pressOf, SHORTCUTS } from "./keys";
import { useWide } from "./now";
import { after, stepped } from "./places";
import { claim, release, sayUnlessChanged, useKeptClaim } from "./use_claim";

const MOST_AT_ONCE = 500;
const TOLD: Record<Verdict, string> = { approve: "Approved", reject: "Rejected", changes: "Sent back" };
const SHOWN = 40;

interface Given {
  address: Address;
  reviews: readonly Review[];
  decisions: Decisions;
  desk: Desk;
  me: string;
  decides: boolean;
  setShowFilters: (shown: boolean) => void;
}

/** What one can do in the inbox, by keys and by buttons. */
export function useCommands({ address, reviews, decisions, desk, me, decides, setShowFilters }: Given) {
  const { item, open } = address;
  const wide = useWide();
  const queries = useQueryClient();
  const [chosen, setSelected] = useState<ReadonlySet<string>>(new Set());
  const drafts = useDrafts(me);
  const [dialog, setDialog] = useState<"help" | "snooze" | "assign" | "rejectMany" | null>(null);
  const ids = reviews.map((review) => review.id);
  const selected = new Set(ids.filter((id) => chosen.has(id)));
  const current = item;
  const work = drafts.of(current);
  const seen = useQuery({ ...itemQuery(current ?? ""), enabled: current !== null }).data;
  useKeptClaim(decisions, work, seen);

  const first = ids[0];
  useEffect(() => {
    if (wide && item === null && first !== undefined) open(first);
  }, [wide, item, first, open]);

  const back = desk.back;
  const putDraft = drafts.put;
  useEffect(() => {
    if (!back) return;
    decisions.forget("back");
    if (back.work) putDraft(back.work);
    if (back.why === "failed") return; // one reads another one now
    if (back.ids.length === 1 && back.ids[0]) open(back.ids[0]);
    else setSelected(new Set(back.ids));
  }, [back, decisions, open, putDraft]);

  /** What is left of the list once these are gone: the next one is opened. */
  const moveOn = (gone: readonly string[]) => {
    drafts.drop(gone);
    if (current !== null && gone.includes(current)) open(after(ids, current, new Set(gone)));
  };

  const decide = (review: Detail, verdict: Verdict, comments: string, edit?: { value: unknown }) => {
    const name = review.excerpt.replace(/\s+/g, " ") || review.question || review.step;
    const told = edit ? "Edited and approved" : TOLD[verdict];
    decisions.hold({
      kind: "one",
      key: crypto.randomUUID(),
      told: `${told}: “${name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name}”.`,
      id: review.id,
      version: review.version,
      verdict,
      comments,
      work: drafts.of(review.id),
      ...(edit ? { edit } : {}),
    });
    moveOn([review.id]);
  };

  const written = (review: Detail) => {
    if (!work || work.id !== review.id) return;
    if (work.mode !== "edit") return decide(review, work.mode, work.comments);
    const made = edited(review.content, work.text);
    if ("value" in made) decide(review, "approve", work.comments, made);
  };

  const many = (verdict: "approve" | "reject", comments: string) => {
    setDialog(null);
    const all = ids.filter((id) => selected.has(id));
    for (let at = 0; at < all.length; at += MOST_AT_ONCE) {
      const some = all.slice(at, at + MOST_AT_ONCE);
      const told = `${TOLD[verdict]}: ${some.length === 1 ? "one review" : `${some.length} reviews`}.`;
      decisions.hold({ kind: "many", key: crypto.randomUUID(), told, ids: some, verdict, comments });
    }
    setSelected(new Set());
    moveOn(all);
  };

  /** Begins to write about the open one, which is claimed for that. */
  const begin = (mode: Work["mode"]) => {
    if (!mayDecide(seen, me)) return;
    if (work?.mode === mode) return;
    const holds = holder(seen, serverNow()) === me;
    const proposed = seen.first_by !== null ? seen.decisions.at(-1) : undefined;
    const content = mode === "edit" && proposed?.edited ? proposed.value : seen.content;
    const took = work ? work.took : !holds;
    drafts.put({ id: seen.id, mode, text: editable(content), comments: work?.comments ?? "", took });
    if (!holds) void claim(decisions, seen).catch(sayUnlessChanged);
  };

  const stop = () => {
    if (!work) return;
    drafts.drop([work.id]);
    if (work.took && seen?.id === work.id && seen.state === "open" && holder(seen, serverNow()) === me) {
      void release(decisions, seen).catch(sayUnlessChanged);
    }
  };

  const select = useCallback((id: string) => {
    setSelected((now) => {
      const changed = new Set(now);
      if (!changed.delete(id)) changed.add(id);
      return changed;
    });
  }, []);

  /** Selects what a bulk decision may take; the server has the last word. */
  const selectAll = (on: boolean) => {
    const fit = reviews.filter((review) => !review.mandatory && review.confidence !== null).map((review) => review.id);
    if (on && fit.length === 0) say("None of these may be decided together: each needs a look of its own.");
    setSelected(new Set(on ? fit : []));
  };

  const change = async (asked: Promise<Review>, told: string) => {
    setDialog(null);
    try {
      const review = await asked;
      say(told);
      refresh(queries);
      return review;
    } catch (error) {
      sayProblem(error);
      return null;
    }
  };

  const snooze = async (until: Date) => {
    if (!seen) return;
    const params = { path: { review_id: seen.id } };
    const asked = body(api.POST("/v1/reviews/{review_id}/snooze", { params, body: { until: until.toISOString() } }));
    const next = after(ids, seen.id, new Set([seen.id]));
    if ((await change(asked, `Put off until ${until.toLocaleString()}.`)) && !address.filters.snoozed) open(next);
  };

  const assign = (assignee: string | null) => {
    if (!seen) return;
    const params = { path: { review_id: seen.id } };
    const asked = body(api.POST("/v1/reviews/{review_id}/assign", { params, body: { assignee } }));
    void change(asked, assignee === null ? "It is nobody’s now." : `Given to ${assignee}.`);
  };

  const take = () => {
    if (seen?.state !== "open") return;
    const mine = holder(seen, serverNow()) === me;
    void (mine ? release(decisions, seen) : claim(decisions, seen)).catch(sayProblem);
  };

  const does: Record<Command, () => void> = {
    next: () => open(stepped(ids, current, 1)),
    previous: () => open(stepped(ids, current, -1)),
    open: () => {
      if (current === null) open(stepped(ids, null, 1), false);
      else document.getElementById("review")?.focus();
    },
    approve: () => mayDecide(seen, me) && decide(seen, "approve", ""),
    edit: () => begin("edit"),
    reject: () => begin("reject"),
    changes: () => begin("changes"),
    claim: take,
    snooze: () => seen?.state === "open" && setDialog("snooze"),
    assign: () => seen?.state === "open" && setDialog("assign"),
    select: () => current !== null && select(current),
    approveSelected: () => (selected.size > 0 ? many("approve", "") : say("Select some first, with x.")),
    rejectSelected: () => (selected.size > 0 ? setDialog("rejectMany") : say("Select some first, with x.")),
    undo: () => decisions.undo(),
    filter: () => {
      setShowFilters(true);
      requestAnimationFrame(() => document.querySelector<HTMLElement>("#filters select")?.focus());
    },
    help: () => setDialog("help"),
    back: () => {
      if (work) stop();
      else if (selected.size > 0) setSelected(new Set());
      else if (!wide && item !== null) open(null);
    },
  };

  const run = (command: Command) => {
    const needs = SHORTCUTS.find((each) => each.command === command)?.decides;
    if (!needs || decides) does[command]();
  };

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || dialog !== null) return;
    const command = commandOf(pressOf(event));
    if (!command) return;
    event.preventDefault();
    run(command);
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event);
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);

  return {
    current,
    seen: seen ?? null,
    selected,
    work,
    dialog,
    run,
    select,
    selectAll,
    setWork: drafts.put,
    written,
    many,
    snooze,
    assign,
    open: (id: string) => open(id, wide),
    closeDialog: () => setDialog(null),
  };
}

/** Whether one can decide it; says why not. */
function mayDecide(review: Detail | undefined, me: string): review is Detail {
  if (!review) return false;
  if (review.state !== "open") {
    say("It waits no more.");
    return false;
  }
  const held = holder(review, serverNow());
  if (held !== null && held !== me) {
    say(`${held} has it in hand.`);
    return false;
  }
  if (review.four_eyes && review.first_by === me) {
    say("You have approved it already; another person must, too.");
    return false;
  }
  return true;
}

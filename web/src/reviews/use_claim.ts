import { useEffect, useRef } from "react";
import { api, body } from "@/api/client";
import { asProblem } from "@/api/problem";
import { sayProblem } from "@/ui/toasts";
import { type Detail, ifSeen, type Review } from "./data";
import type { Decisions, Work } from "./decisions";

const RENEW_MS = 5 * 60_000;

/** Takes a review in hand as one has seen it. */
export async function claim(decisions: Decisions, seen: Review): Promise<void> {
  const path = { review_id: seen.id };
  const asked = body(api.POST("/v1/reviews/{review_id}/claim", { params: { path, header: ifSeen(seen.version) } }));
  decisions.claiming(seen.id, asked);
  decisions.changed(seen.version, await asked);
}

/** Gives a review back. */
export async function release(decisions: Decisions, seen: Review): Promise<void> {
  const path = { review_id: seen.id };
  decisions.changed(seen.version, await body(api.POST("/v1/reviews/{review_id}/release", { params: { path } })));
}

/** While something is written about a review it is claimed anew every five minutes: claims end after fifteen. */
export function useKeptClaim(decisions: Decisions, work: Work | null, review: Detail | undefined): void {
  const latest = useRef(review);
  useEffect(() => {
    latest.current = review;
  }, [review]);
  const id = work?.id ?? null;
  useEffect(() => {
    if (id === null) return;
    const timer = setInterval(() => {
      const seen = latest.current;
      if (seen?.id === id && seen.state === "open") void claim(decisions, seen).catch(sayUnlessChanged);
    }, RENEW_MS);
    return () => clearInterval(timer);
  }, [id, decisions]);
}

/** That it was changed meanwhile is seen in the item itself. */
export function sayUnlessChanged(error: unknown): void {
  if (asProblem(error).status !== 412) sayProblem(error);
}

import {
  type InfiniteData,
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import { type Filters, written } from "./filters";

export type Review = Schemas["ReviewShown"];
export type Detail = Schemas["ReviewDetail"];
export type Left = Schemas["LeftShown"];
export type Verdict = "approve" | "reject" | "changes";

const PAGE = 100;
const LIVE_MS = 3_000;
/** Of longer lists only the beginning is asked for anew: that is where what is urgent arrives. */
const LIVE_PAGES = 3;

const page = (filters: Filters, cursor: string | null) =>
  body(api.GET("/v1/reviews", { params: { query: { ...written(filters), limit: PAGE, cursor } } }));

/** Whether asking for all of it again would take many requests. */
export function isLong(data: unknown): boolean {
  const pages = typeof data === "object" && data !== null && "pages" in data ? data.pages : null;
  return Array.isArray(pages) && pages.length > LIVE_PAGES;
}

/** Asks anew for what is shown of reviews, but not for all pages of a long list. */
export function refresh(queries: QueryClient): void {
  void queries.invalidateQueries({ queryKey: ["reviews"], predicate: (query) => !isLong(query.state.data) });
}

/** The inbox as filtered, in pages; it is asked for anew every few seconds while it is short. */
export const listQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ["reviews", "list", written(filters)],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => page(filters, pageParam),
    getNextPageParam: (last) => last.next,
    refetchInterval: (query) => (isLong(query.state.data) ? false : LIVE_MS),
    refetchOnWindowFocus: (query) => !isLong(query.state.data),
  });

/** The beginning of the inbox alone, for when the rest is long. */
export const headQuery = (filters: Filters) =>
  queryOptions({
    queryKey: ["reviews", "head", written(filters)],
    queryFn: () => page(filters, null),
    refetchInterval: LIVE_MS,
  });

/** The reviews of all pages, each once: one that moved between two requests could come twice. What is newest counts. */
export function reviewsOf(
  head: Schemas["ReviewList"] | undefined,
  rest: InfiniteData<Schemas["ReviewList"]> | undefined,
): Review[] {
  const found = new Map<string, Review>();
  for (const each of [...(head ? [head] : []), ...(rest?.pages ?? [])]) {
    for (const review of each.reviews) if (!found.has(review.id)) found.set(review.id, review);
  }
  return [...found.values()];
}

/** One review whole; kept fresh while it is looked at. */
export const itemQuery = (id: string) =>
  queryOptions({
    queryKey: ["reviews", "item", id],
    queryFn: () => body(api.GET("/v1/reviews/{review_id}", { params: { path: { review_id: id } } })),
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "open" ? false : LIVE_MS),
    staleTime: 1_000,
  });

/** Figures since a time, or of some days. */
export const figuresQuery = (query: { since?: string; days?: number; target_error?: number }) =>
  queryOptions({
    queryKey: ["reviews", "figures", query],
    queryFn: () => body(api.GET("/v1/reviews/figures", { params: { query } })),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    refetchInterval: 30_000,
  });

/** What there is to filter by: what the first of those that wait have. */
export const choicesQuery = queryOptions({
  queryKey: ["reviews", "choices"],
  staleTime: 30_000,
  queryFn: async () => {
    const { reviews } = await body(api.GET("/v1/reviews", { params: { query: { limit: 200, snoozed: true } } }));
    const all = (field: "flow" | "policy" | "content_type") =>
      [...new Set(reviews.map((review) => review[field]).filter(Boolean))].sort();
    return { flow: all("flow"), policy: all("policy"), content_type: all("content_type") };
  },
});

/** Midnight of this place's today, as the API takes it. */
export function midnight(now = new Date()): string {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate()).toISOString();
}

/** What goes with a request that changes only what was seen. */
export function ifSeen(version: number): { "if-match": string } {
  return { "if-match": `"r${version}"` };
}

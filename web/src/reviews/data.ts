import { type InfiniteData, infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import { type Filters, written } from "./filters";

export type Review = Schemas["ReviewShown"];
export type Detail = Schemas["ReviewDetail"];
export type Left = Schemas["LeftShown"];
export type Verdict = "approve" | "reject" | "changes";

const PAGE = 100;
const LIVE_MS = 3_000;
const LONG_LIST_MS = 15_000;

/** The inbox as filtered, in pages; it is asked for anew every few seconds, less often when it is long. */
export const listQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ["reviews", "list", written(filters)],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/reviews", { params: { query: { ...written(filters), limit: PAGE, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 3 ? LONG_LIST_MS : LIVE_MS),
  });

/** The reviews of all pages, each once: one that moved between two requests could come twice. */
export function reviewsOf(data: InfiniteData<Schemas["ReviewList"]> | undefined): Review[] {
  const found = new Map<string, Review>();
  for (const page of data?.pages ?? []) for (const review of page.reviews) found.set(review.id, review);
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

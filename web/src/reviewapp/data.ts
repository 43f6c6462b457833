import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";

type Answered<T> = T extends Promise<infer Value> ? Value : never;

const LIVE_MS = 5_000;
const PAGE = 100;
/** The name of the import that `--samples` makes. */
export const SAMPLES = "sample reviews";

const asked = (id: string) =>
  body(api.GET("/v1/apps/reviews/reviews/{review_id}", { params: { path: { review_id: id } } }));
export type Review = Answered<ReturnType<typeof asked>>;
export type Overview = Schemas["Overview"];
export type Theme = Schemas["ThemeShown"];
export type Product = Schemas["ProductShown"];
export type Import = Schemas["ImportShown"];
export type Answer = Schemas["ReviewAnswer"];
export type Source = Schemas["AnswerSource"];
export type Figures = NonNullable<Answer["figures"]>;
export type Hit = Schemas["FoundReview"];
export type Customer = Schemas["CustomerShown"];
export type Action = Schemas["ActionShown"];

/** The figures of so many days back. They come anew by themselves. */
export const overviewQuery = (days: number) =>
  queryOptions({
    queryKey: ["reviewapp", "overview", days],
    refetchInterval: 15_000,
    queryFn: () => body(api.GET("/v1/apps/reviews/overview", { params: { query: { days } } })),
  });

/** What was handed in lately; asked for often while something is at work. */
export const importsQuery = queryOptions({
  queryKey: ["reviewapp", "imports"],
  refetchInterval: (query) =>
    query.state.data?.imports.some((each) => each.finished_at === null) ? 1_500 : LIVE_MS * 2,
  queryFn: () => body(api.GET("/v1/apps/reviews/imports", { params: { query: { limit: 50 } } })),
});

const mapped = (resolution: number) => body(api.GET("/v1/apps/reviews/map", { params: { query: { resolution } } }));
export type Cell = Answered<ReturnType<typeof mapped>>["cells"][number];

/** The cells of a resolution. */
export const mapQuery = (resolution: number) =>
  queryOptions({
    queryKey: ["reviewapp", "map", resolution],
    staleTime: 30_000,
    queryFn: () => mapped(resolution),
  });

export const STATUSES = ["analysed", "new", "duplicate", "spam"] as const;

/** What a list of reviews is narrowed to. */
export interface Narrowed {
  status?: (typeof STATUSES)[number];
  product?: string;
  theme?: string;
  cell?: string;
  source?: string;
}

/** Reviews, the latest first, in pages. */
export const reviewsQuery = (narrowed: Narrowed) =>
  infiniteQueryOptions({
    queryKey: ["reviewapp", "reviews", narrowed],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/apps/reviews/reviews", { params: { query: { ...narrowed, limit: PAGE, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
  });

export const reviewQuery = (id: string) =>
  queryOptions({
    queryKey: ["reviewapp", "review", id],
    staleTime: 60_000,
    refetchInterval: (query) => (query.state.data?.status === "new" ? 1_500 : false), // its analysis is at work
    queryFn: () => asked(id),
  });

export const pairsQuery = infiniteQueryOptions({
  queryKey: ["reviewapp", "pairs"],
  initialPageParam: null as string | null,
  queryFn: ({ pageParam }) =>
    body(api.GET("/v1/apps/reviews/duplicates", { params: { query: { limit: 20, cursor: pageParam } } })),
  getNextPageParam: (last) => last.next,
});

export const customersQuery = infiniteQueryOptions({
  queryKey: ["reviewapp", "customers"],
  initialPageParam: null as string | null,
  queryFn: ({ pageParam }) =>
    body(api.GET("/v1/apps/reviews/customers", { params: { query: { limit: PAGE, cursor: pageParam } } })),
  getNextPageParam: (last) => last.next,
});

/** What came of a customer's reviews. */
export const actionsQuery = (customerId: string) =>
  queryOptions({
    queryKey: ["reviewapp", "actions", customerId],
    queryFn: () =>
      body(api.GET("/v1/apps/reviews/actions", { params: { query: { customer_id: customerId, limit: 100 } } })),
  });

/** The flow whose decisions about points wait in the inbox. */
export const ACTION_FLOW = "reviews-action";

/** Decisions about points that wait for a person. */
export const waitingQuery = queryOptions({
  queryKey: ["reviewapp", "waiting"],
  refetchInterval: LIVE_MS,
  queryFn: () => body(api.GET("/v1/reviews", { params: { query: { state: "open", flow: ACTION_FLOW, limit: PAGE } } })),
});

/** A question with what it is narrowed to. */
export interface Question {
  question: string;
  filter: Record<string, unknown> | null;
  near: { latitude: number; longitude: number } | null;
}

/** An answer is a run of its own: it is asked for once, not whenever the window is looked at. */
export const answerQuery = (question: Question) =>
  queryOptions({
    queryKey: ["reviewapp", "ask", question],
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
    queryFn: () => body(api.POST("/v1/apps/reviews/ask", { body: question })),
  });

export const searchQuery = (question: Question) =>
  queryOptions({
    queryKey: ["reviewapp", "search", question],
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    queryFn: () => body(api.POST("/v1/apps/reviews/search", { body: { ...question, limit: 10 } })),
  });

/** Hands in a file as it is. */
export async function handIn(file: File): Promise<Schemas["ImportBegun"]> {
  const lines = /\.(jsonl|ndjson|json)$/i.test(file.name);
  return body(
    api.POST("/v1/apps/reviews/imports", {
      params: { query: { name: file.name.slice(0, 200), format: lines ? "jsonl" : "csv" } },
      headers: { "content-type": lines ? "application/x-ndjson" : "text/csv" },
      body: "",
      bodySerializer: () => file,
    }),
  );
}

const MOST_TAKEN_BACK = 100;

/** Takes in reviews that were set aside; gives how many they are. */
export async function takeBack(ids: readonly string[]): Promise<number> {
  let taken = 0;
  for (let at = 0; at < ids.length; at += MOST_TAKEN_BACK) {
    const some = { ids: ids.slice(at, at + MOST_TAKEN_BACK) };
    taken += (await body(api.POST("/v1/apps/reviews/taken-back", { body: some }))).taken;
  }
  return taken;
}

/** What of an import could not be taken, as CSV. */
export async function rejectsCsv(id: string): Promise<Blob> {
  const found = await api.GET("/v1/apps/reviews/imports/{import_id}/rejects", {
    params: { path: { import_id: id } },
    headers: { accept: "text/csv" },
    parseAs: "blob",
  });
  return (found.data as Blob | undefined) ?? new Blob();
}

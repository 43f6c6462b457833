import {
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  type QueryKey,
  queryOptions,
} from "@tanstack/react-query";
import { api, body } from "@/api/client";
import type { RunStatus } from "@/stream/run_score";
import { enough, type Order, type RunPages, withFresh } from "./run_pages";

const PAGE = 100;
const EVERY_MS = 2_000;

/** Which runs are listed. */
export interface Wanted {
  status: RunStatus | "";
  search: string;
  order: Order;
}

/** What the first page shows. */
export const ALL: Wanted = { status: "", search: "", order: "latest" };

function ask({ status, search, order }: Wanted, cursor: string | null, limit: number) {
  const query = {
    limit,
    ...(cursor ? { cursor } : {}),
    ...(status ? { status: [status] } : {}),
    ...(search ? { q: search } : {}),
    ...(order === "oldest" ? { order } : {}),
  };
  return body(api.GET("/v1/runs", { params: { query } }));
}

/** The list of runs, a page at a time. Each page is asked for once; `inSightQuery` keeps what is looked at as it is now. */
export function runsQuery(wanted: Wanted) {
  return infiniteQueryOptions({
    queryKey: ["run list", wanted],
    initialPageParam: null as string | null,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ pageParam }) => ask(wanted, pageParam, PAGE),
    getNextPageParam: (page) => page.next,
  });
}

/** Looks again and again at the pages that are in sight, and puts them into the list. */
export function inSightQuery(queries: QueryClient, wanted: Wanted, inSight: readonly number[], knownAt: number) {
  const queryKey: QueryKey = runsQuery(wanted).queryKey;
  return queryOptions({
    queryKey: ["runs in sight", wanted, inSight],
    refetchInterval: EVERY_MS,
    staleTime: EVERY_MS,
    gcTime: 0,
    initialData: null,
    initialDataUpdatedAt: knownAt, // what has just come need not be looked at anew
    queryFn: async () => {
      for (const at of inSight) {
        const known = queries.getQueryData<RunPages>(queryKey);
        const cursor = known?.pageParams[at];
        if (!known || cursor === undefined) break;
        const fresh = await ask(wanted, cursor, enough(known.pages[at], PAGE));
        // Pages before it may have been dropped while the answer came; then it is not of this place any more.
        queries.setQueryData<RunPages>(queryKey, (now) =>
          now && now.pageParams[at] === cursor ? withFresh(now, at, fresh, wanted.order) : now,
        );
      }
      return null;
    },
  });
}

/** The flows that come with Stretto, to be tried. */
export const examplesQuery = queryOptions({
  queryKey: ["examples"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: () => body(api.GET("/v1/examples")),
});

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import type { RunStatus } from "@/stream/run_score";

const PAGE = 100;
const LIVE_PAGES = 3;
const EVERY_MS = 2_000;

/** The list of runs, latest first, a page at a time; live as long as few pages are open. */
export function runsQuery(status: RunStatus | "", search: string) {
  return infiniteQueryOptions({
    queryKey: ["runs", status, search],
    initialPageParam: null as string | null,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/runs", {
          params: {
            query: {
              limit: PAGE,
              cursor: pageParam,
              ...(status ? { status: [status] } : {}),
              ...(search ? { q: search } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > LIVE_PAGES ? false : EVERY_MS),
  });
}

/** The flows that come with Stretto, to be tried. */
export const examplesQuery = queryOptions({
  queryKey: ["examples"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: () => body(api.GET("/v1/examples")),
});

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useMemo, useState } from "react";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Input, Select } from "@/ui/field";
import { Empty, PageHead } from "@/ui/panel";
import FirstStart from "./first_start";
import { type Order, pagesOf } from "./run_pages";
import { RunTable } from "./run_table";
import { inSightQuery, runsQuery } from "./runs_query";

const RecallDialog = lazy(() => import("./recall_dialog"));
const STATUSES = ["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"] as const;
const ORDERS: Record<Order, string> = { latest: "newest first", oldest: "oldest first" };

/** All runs, live where they are looked at. */
export default function RunsPage() {
  const [status, setStatus] = useState<(typeof STATUSES)[number] | "">("");
  const [order, setOrder] = useState<Order>("latest");
  const [words, setWords] = useState("");
  const [seen, setSeen] = useState<readonly [number, number]>([0, 0]);
  const [recalling, setRecalling] = useState(false);
  const search = useDeferredValue(words.trim());
  const filtered = status !== "" || search !== "";
  const queries = useQueryClient();
  const wanted = { status, search, order };
  const found = useInfiniteQuery(runsQuery(wanted));
  const inSight = pagesOf(found.data?.pages ?? [], ...seen);
  const fresh = useQuery({
    ...inSightQuery(queries, wanted, inSight, found.dataUpdatedAt),
    enabled: found.isSuccess && !found.isPlaceholderData && !found.isFetching,
  });
  const runs = useMemo(() => found.data?.pages.flatMap((page) => page.runs) ?? [], [found.data]);
  const nothing = found.isSuccess && runs.length === 0;
  const error = found.error ?? fresh.error;
  return (
    <>
      <PageHead
        title="Runs"
        actions={
          <>
            <Input
              type="search"
              aria-label="Search"
              placeholder="Flow or id"
              className="w-40"
              value={words}
              onChange={(event) => setWords(event.target.value)}
            />
            <Select
              aria-label="State"
              value={status}
              onChange={(event) => setStatus(event.target.value as typeof status)}
            >
              <option value="">all states</option>
              {STATUSES.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </Select>
            <Select aria-label="Order" value={order} onChange={(event) => setOrder(event.target.value as Order)}>
              {Object.entries(ORDERS).map(([value, told]) => (
                <option key={value} value={value}>
                  {told}
                </option>
              ))}
            </Select>
            {runs.length > 0 && <Button onClick={() => setRecalling(true)}>Find by task…</Button>}
          </>
        }
      />
      {recalling && (
        <Suspense>
          <RecallDialog onClose={() => setRecalling(false)} />
        </Suspense>
      )}
      {found.isPending && <p className="text-soft">Loading…</p>}
      {error && <Failure error={error} retry={() => void (found.error ? found.refetch() : fresh.refetch())} />}
      {nothing && filtered && <Empty title="No run is like that.">Change the search or the state.</Empty>}
      {nothing && !filtered && <FirstStart />}
      {runs.length > 0 && (
        <RunTable
          key={`${status} ${search} ${order}`}
          runs={runs}
          more={found.hasNextPage}
          busy={found.isFetchingNextPage}
          onMore={() => void found.fetchNextPage()}
          onSeen={setSeen}
        />
      )}
    </>
  );
}

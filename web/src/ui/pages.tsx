import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Button } from "./button";
import { Failure } from "./failure";
import { LongList } from "./long_list";

/** The page after those that are shown, as a `LongList` takes it. */
export interface More {
  has: boolean;
  busy: boolean;
  load: () => void;
}

interface Paged<Page, Item> {
  query: UseInfiniteQueryResult<InfiniteData<Page>>;
  /** The items of a page. */
  items: (page: Page) => readonly Item[];
  /** What is shown where there are none. */
  empty: ReactNode;
}

/** What is shown of a list that comes in pages: that it loads or has failed, that it is empty, or its items. */
export function Pages<Page, Item>({
  query,
  items,
  empty,
  children,
}: Paged<Page, Item> & { children: (items: readonly Item[], more: More) => ReactNode }) {
  const all = query.data?.pages.flatMap(items) ?? [];
  const more = { has: query.hasNextPage, busy: query.isFetchingNextPage, load: () => void query.fetchNextPage() };
  return (
    <>
      {query.isError && <Failure error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <p className="text-soft">Loading…</p>}
      {query.isSuccess && all.length === 0 && empty}
      {all.length > 0 && children(all, more)}
    </>
  );
}

/** The same as a table, which asks for pages as it is scrolled. */
export function PagedTable<Page, Item>({
  query,
  items,
  empty,
  ...table
}: Paged<Page, Item> & Omit<Parameters<typeof LongList<Item>>[0], "items" | "more">) {
  return (
    <Pages query={query} items={items} empty={empty}>
      {(all, more) => (
        <div className="rounded-lg border bg-card">
          <LongList {...table} items={all} more={more} />
        </div>
      )}
    </Pages>
  );
}

/** Asks for the next page, where there is one and a list does not do so by itself. */
export function ShowMore({ more }: { more: More }) {
  if (!more.has) return null;
  return (
    <Button className="self-center" disabled={more.busy} onClick={more.load}>
      {more.busy ? "Loading…" : "Show more"}
    </Button>
  );
}

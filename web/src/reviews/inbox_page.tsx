import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { ChartLine, Keyboard, SlidersHorizontal } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { accountQuery, useMay } from "@/shell/me";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Empty } from "@/ui/panel";
import { ActionBar } from "./action_bar";
import { useAddress } from "./address";
import { headQuery, isLong, listQuery, reviewsOf } from "./data";
import { useDecisions } from "./decisions";
import { FilterBar } from "./filter_bar";
import { howMany } from "./filters";
import { ReviewItem } from "./review_item";
import { ReviewList } from "./review_list";
import { AssignDialog, HelpDialog, LeftBehind, RejectManyDialog, SnoozeDialog } from "./small_dialogs";
import { Today } from "./today";
import { useCommands } from "./use_commands";

/** What waits for a person: the list, and beside it the one that is open. */
export default function InboxPage() {
  const me = useQuery(accountQuery).data?.me.by ?? "";
  const decides = useMay("reviews:decide");
  const address = useAddress();
  const { filters, item } = address;
  const [decisions, desk] = useDecisions();
  const list = useInfiniteQuery(listQuery(filters));
  const long = isLong(list.data);
  const head = useQuery({ ...headQuery(filters), enabled: long });
  const reviews = useMemo(() => {
    const all = reviewsOf(long ? head.data : undefined, list.data);
    return filters.state === "open" ? all.filter((review) => !desk.gone.has(review.id)) : all;
  }, [list.data, head.data, long, desk.gone, filters.state]);
  const [showFilters, setShowFilters] = useState(howMany(filters) > 0);
  const at = useCommands({ address, reviews, decisions, desk, me, decides, setShowFilters });
  useEffect(() => decisions.flush, [decisions]); // leaving the page sends what is held
  const { current, selected, work, dialog, run } = at;

  return (
    <div className="-m-3 flex flex-col md:-m-6 lg:h-dvh">
      {item && <h1 className="sr-only lg:hidden">Reviews</h1>}
      <header className={clsx("flex flex-wrap items-center gap-2 border-b px-4 py-2.5", item && "hidden lg:flex")}>
        <h1 className="mr-1">Reviews</h1>
        {list.data && filters.state === "open" && (
          <span className="text-soft" aria-live="polite">
            {reviews.length}
            {list.hasNextPage ? "+" : ""} waiting
          </span>
        )}
        <span className="ml-auto flex items-center gap-1">
          <Button
            look="quiet"
            aria-expanded={showFilters}
            aria-keyshortcuts="/"
            title="Filter (/)"
            onClick={() => setShowFilters(!showFilters)}
          >
            <SlidersHorizontal size={15} aria-hidden />
            <span className="max-sm:sr-only">Filter</span>
            {howMany(filters) > 0 && `(${howMany(filters)})`}
          </Button>
          <Link
            to="/reviews/figures"
            className="inline-flex min-h-8 items-center gap-1.5 rounded-md px-3 font-medium hover:bg-sunk"
          >
            <ChartLine size={15} aria-hidden />
            <span className="max-sm:sr-only">Figures</span>
          </Link>
          <Button look="quiet" square aria-label="Keys" aria-keyshortcuts="?" onClick={() => run("help")}>
            <Keyboard size={16} aria-hidden />
          </Button>
        </span>
      </header>
      <div className="flex min-h-0 flex-1">
        <section
          aria-label="List"
          className={clsx(
            "flex h-[calc(100dvh-9.5rem)] min-w-0 flex-1 flex-col bg-card lg:h-auto lg:max-w-md lg:border-r",
            item && "hidden lg:flex",
          )}
        >
          {showFilters && <FilterBar filters={filters} onChange={address.filter} />}
          {decides && filters.state === "open" && reviews.length > 0 && <SelectionBar at={at} many={reviews.length} />}
          <LeftBehind
            left={desk.left}
            reviews={reviews}
            onOpen={(id) => address.open(id)}
            onClose={() => decisions.forget("left")}
          />
          {list.isError && (
            <div className="p-3">
              <Failure error={list.error} retry={() => void list.refetch()} />
            </div>
          )}
          {list.isSuccess && reviews.length === 0 && !list.hasNextPage && howMany(filters) > 0 && (
            <Empty title={filters.state === "open" ? "Nothing that waits is like that." : "There is none like that."} />
          )}
          {list.isSuccess && reviews.length === 0 && !list.hasNextPage && howMany(filters) === 0 && (
            <Today onDecided={() => address.filter({ ...filters, state: "decided" })} />
          )}
          {reviews.length > 0 && (
            <ReviewList
              reviews={reviews}
              current={current}
              selected={selected}
              me={me}
              decides={decides}
              more={list.hasNextPage}
              busy={list.isFetchingNextPage}
              onMore={() => void list.fetchNextPage()}
              onOpen={at.open}
              onSelect={at.select}
            />
          )}
        </section>
        <section
          aria-label="Review"
          data-own-arrows
          className={clsx("min-w-0 flex-1 bg-card lg:overflow-auto", !item && "hidden lg:block")}
        >
          {current ? (
            <ReviewItem
              key={current}
              id={current}
              me={me}
              work={work}
              onWork={at.setWork}
              onWritten={at.written}
              onCancel={() => run("back")}
              onBack={() => address.open(null)}
              bar={(review) => decides && <ActionBar review={review} me={me} run={run} />}
            />
          ) : (
            reviews.length > 0 && <Empty title="Choose one from the list." />
          )}
        </section>
      </div>
      <HelpDialog open={dialog === "help"} onClose={at.closeDialog} />
      <SnoozeDialog review={dialog === "snooze" ? at.seen : null} onClose={at.closeDialog} onChoose={at.snooze} />
      <AssignDialog
        review={dialog === "assign" ? at.seen : null}
        me={me}
        onClose={at.closeDialog}
        onChoose={at.assign}
      />
      <RejectManyDialog
        many={dialog === "rejectMany" ? selected.size : 0}
        onClose={at.closeDialog}
        onReject={(comments) => at.many("reject", comments)}
      />
    </div>
  );
}

function SelectionBar({ at, many }: { at: ReturnType<typeof useCommands>; many: number }) {
  const { selected, run, selectAll } = at;
  const all = selected.size > 0;
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-2 border-b py-1 pr-3 text-xs">
      <label className="flex h-8 w-10 cursor-pointer items-center justify-center">
        <span className="sr-only">{all ? "Select none" : "Select all that may be decided together"}</span>
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = selected.size > 0 && selected.size < many;
          }}
          onChange={() => selectAll(!all)}
        />
      </label>
      {all ? (
        <>
          <span>{selected.size} selected</span>
          <Button className="min-h-7 px-2" aria-keyshortcuts="Shift+A" onClick={() => run("approveSelected")}>
            Approve {selected.size}
          </Button>
          <Button
            look="danger"
            className="min-h-7 px-2"
            aria-keyshortcuts="Shift+R"
            onClick={() => run("rejectSelected")}
          >
            Reject {selected.size}
          </Button>
        </>
      ) : (
        <span className="text-soft">Sensitive first, then the least confident</span>
      )}
    </div>
  );
}

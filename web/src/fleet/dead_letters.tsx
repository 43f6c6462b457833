import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { useMay } from "@/shell/me";
import { count, Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Json } from "@/ui/json";
import { heads, LongList, unseen } from "@/ui/long_list";
import { Panel } from "@/ui/panel";
import { say } from "@/ui/toasts";

type Letter = Schemas["LetterItem"];
type Act = "send again" | "drop";
const PAGE = 100;
const GRID = "grid-cols-[1.5rem_minmax(11rem,1fr)_9rem_5rem_minmax(10rem,2fr)_7rem]";

/** Events that consumer groups could not take, to be sent again or dropped, one by one or several. */
export function DeadLetters() {
  const may = useMay("events:write");
  const found = useInfiniteQuery({
    queryKey: ["dead-letters"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/events/dead-letters", { params: { query: { limit: PAGE, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 3 ? false : 5_000),
  });
  const letters = useMemo(() => found.data?.pages.flatMap((page) => page.letters) ?? [], [found.data]);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<Letter | null>(null);
  const [dropping, setDropping] = useState<Letter[] | null>(null);
  const chosen = letters.filter((each) => marked.has(keyOf(each)));
  const acting = useAct(() => {
    setMarked(new Set());
    setOpened(null);
    setDropping(null);
  });
  const mark = (letter: Letter, on: boolean) => {
    const next = new Set(marked);
    if (on) next.add(keyOf(letter));
    else next.delete(keyOf(letter));
    setMarked(next);
  };
  const all = letters.length > 0 && chosen.length === letters.length;
  const box = (
    <input
      type="checkbox"
      aria-label="Select all that are shown"
      checked={all}
      onChange={() => setMarked(new Set(all ? [] : letters.map(keyOf)))}
    />
  );
  return (
    <Panel
      title="Dead letters"
      flush
      actions={
        may &&
        chosen.length > 0 && (
          <>
            <span className="text-soft">{count(chosen.length)} selected</span>
            <Button disabled={acting.isPending} onClick={() => acting.mutate({ act: "send again", letters: chosen })}>
              Send again
            </Button>
            <Button look="danger" disabled={acting.isPending} onClick={() => setDropping(chosen)}>
              Drop…
            </Button>
          </>
        )
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && (
        <div className="p-4">
          <Failure error={found.error} retry={() => void found.refetch()} />
        </div>
      )}
      {found.isSuccess && letters.length === 0 && (
        <p className="p-4 text-soft">None: every event was taken by those who wait for it.</p>
      )}
      {letters.length > 0 && (
        <LongList
          label="Dead letters"
          heads={[
            may ? { name: "Select", shown: box } : unseen("Select"),
            ...heads("Event", "Group", "Attempts", "Error", "Last"),
          ]}
          columns={{ grid: GRID, least: "min-w-[52rem]" }}
          items={letters}
          keyOf={keyOf}
          more={{ has: found.hasNextPage, busy: found.isFetchingNextPage, load: () => void found.fetchNextPage() }}
          cells={(letter) => [
            may && (
              <input
                type="checkbox"
                aria-label={`Select ${letter.event.type} of ${letter.group}`}
                checked={marked.has(keyOf(letter))}
                onChange={(event) => mark(letter, event.target.checked)}
              />
            ),
            <button
              key="event"
              type="button"
              className="font-medium hover:underline"
              aria-haspopup="dialog"
              onClick={() => setOpened(letter)}
            >
              {letter.event.type}
            </button>,
            letter.group,
            count(letter.attempts),
            <span key="error" title={letter.error} className="text-bad">
              {letter.error}
            </span>,
            <span key="last" className="text-soft">
              <Time at={letter.last_at} relative />
            </span>,
          ]}
        />
      )}
      {opened && (
        <Dialog open onClose={() => setOpened(null)} title={opened.event.type} wide>
          <div className="flex flex-col gap-3">
            <p>
              <b>{opened.group}</b> tried {count(opened.attempts)} times, first <Time at={opened.first_at} />, last{" "}
              <Time at={opened.last_at} />.
            </p>
            <Json value={opened.error} label="Error" />
            <Json value={opened.event} label="Event" />
            {may && (
              <div className="flex flex-wrap justify-end gap-2">
                <Button look="danger" disabled={acting.isPending} onClick={() => setDropping([opened])}>
                  Drop…
                </Button>
                <Button
                  look="main"
                  disabled={acting.isPending}
                  onClick={() => acting.mutate({ act: "send again", letters: [opened] })}
                >
                  Send again
                </Button>
              </div>
            )}
          </div>
        </Dialog>
      )}
      {dropping && (
        <Confirm
          title={dropping.length === 1 ? "Drop a dead letter" : `Drop ${count(dropping.length)} dead letters`}
          act="Drop"
          busy={acting.isPending}
          onClose={() => setDropping(null)}
          onYes={() => acting.mutate({ act: "drop", letters: dropping })}
        >
          Their groups will never read {dropping.length === 1 ? "this event" : "these events"} unless the log is
          replayed.
        </Confirm>
      )}
    </Panel>
  );
}

function keyOf(letter: Letter): string {
  return `${letter.position} ${letter.group}`;
}

/** Sends again or drops one after another; what is not there any more counts as done by somebody else. */
function useAct(done: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ act, letters }: { act: Act; letters: Letter[] }) => {
      const failed: string[] = [];
      for (const letter of letters) {
        const params = { path: { event_id: letter.event.id }, query: { group: letter.group } };
        try {
          if (act === "drop") await api.DELETE("/v1/events/dead-letters/{event_id}", { params });
          else await api.POST("/v1/events/dead-letters/{event_id}/send-again", { params });
        } catch (error) {
          const problem = asProblem(error);
          if (problem.status !== 404) failed.push(problem.detail || problem.title);
        }
      }
      return { act, failed, made: letters.length - failed.length };
    },
    onSuccess: ({ act, failed, made }) => {
      const what = made === 1 ? "1 letter" : `${count(made)} letters`;
      if (made > 0) say(act === "drop" ? `Dropped ${what}.` : `${what} will be tried again.`);
      const first = failed[0];
      if (first) say(`${count(failed.length)} could not be handled: ${first}`, { tone: "bad", forMs: 10_000 });
      done();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["dead-letters"] }),
  });
}

import { keepPreviousData, useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Input, Select } from "@/ui/field";
import { Json } from "@/ui/json";
import { heads, LongList } from "@/ui/long_list";
import { Empty, Panel } from "@/ui/panel";
import { save } from "@/ui/save";
import { Badge } from "@/ui/status";
import { sayProblem } from "@/ui/toasts";

type Entry = Schemas["AuditEntry"];
const PERIODS = [
  { days: 0, label: "of all time" },
  { days: 1, label: "of 24 hours" },
  { days: 7, label: "of 7 days" },
  { days: 30, label: "of 30 days" },
];

/** What was changed and what was denied: to filter, to look at, to export. */
export function Audit() {
  const [outcome, setOutcome] = useState<"" | "done" | "denied">("");
  const [words, setWords] = useState("");
  const [who, setWho] = useState("");
  const [days, setDays] = useState(0);
  const [opened, setOpened] = useState<Entry | null>(null);
  const action = useDeferredValue(words.trim());
  const actor = useDeferredValue(who.trim());
  const since = useMemo(() => (days ? new Date(Date.now() - days * 86_400_000).toISOString() : null), [days]);
  const found = useInfiniteQuery({
    queryKey: ["audit", outcome, action, actor, since],
    initialPageParam: null as string | null,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/audit", {
          params: {
            query: {
              limit: 100,
              cursor: pageParam,
              since,
              ...(outcome ? { outcome } : {}),
              ...(action ? { action } : {}),
              ...(actor ? { actor } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 2 ? false : 5_000),
  });
  const entries = useMemo(() => found.data?.pages.flatMap((page) => page.entries) ?? [], [found.data]);
  const file = useMutation({
    mutationFn: async () =>
      (
        await api.GET("/v1/audit/export", {
          params: { query: { since } },
          headers: { accept: "application/x-ndjson" },
          parseAs: "blob",
        })
      ).data ?? new Blob(),
    onSuccess: (lines) => save(lines, "audit.ndjson"),
    onError: sayProblem,
  });
  return (
    <Panel
      title="Audit log"
      flush
      actions={
        <>
          <Input
            type="search"
            aria-label="How the action begins"
            placeholder="action, such as key."
            className="w-44"
            maxLength={100}
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          <Input
            type="search"
            aria-label="Who did it"
            placeholder="who, as entries say"
            className="w-44"
            maxLength={200}
            value={who}
            onChange={(event) => setWho(event.target.value)}
          />
          <Select
            aria-label="Outcome"
            value={outcome}
            onChange={(event) => setOutcome(event.target.value as typeof outcome)}
          >
            <option value="">done or denied</option>
            <option>done</option>
            <option>denied</option>
          </Select>
          <Select aria-label="Period" value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {PERIODS.map((each) => (
              <option key={each.days} value={each.days}>
                {each.label}
              </option>
            ))}
          </Select>
          <Button
            title="All of the period as JSON lines; the other filters do not count"
            disabled={file.isPending}
            onClick={() => file.mutate()}
          >
            <Download size={14} aria-hidden /> Export the period
          </Button>
        </>
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && entries.length === 0 && (
        <Empty title="No entry is like that.">An action is found by its beginning, a person by the whole name.</Empty>
      )}
      {entries.length > 0 && (
        <LongList
          label="Audit log"
          heads={heads("When", "Who", "Action", "On", "Outcome")}
          columns={{ grid: "grid-cols-[11rem_9rem_11rem_minmax(10rem,1fr)_8rem]", least: "min-w-[54rem]" }}
          items={entries}
          keyOf={(entry) => String(entry.id)}
          more={{ has: found.hasNextPage, busy: found.isFetchingNextPage, load: () => void found.fetchNextPage() }}
          cells={(entry) => [
            <Time key="when" at={entry.at} />,
            <span key="who" title={entry.actor}>
              {entry.actor}
            </span>,
            <button
              key="action"
              type="button"
              className="font-medium hover:underline"
              aria-haspopup="dialog"
              onClick={() => setOpened(entry)}
            >
              {entry.action}
            </button>,
            <span key="target" title={entry.target} className="font-mono text-xs">
              {entry.target}
            </span>,
            <Badge key="outcome" tone={entry.outcome === "done" ? "good" : "bad"}>
              {entry.outcome}
              {entry.times > 1 && ` × ${entry.times}`}
            </Badge>,
          ]}
        />
      )}
      {opened && (
        <Dialog open onClose={() => setOpened(null)} title={opened.action} wide>
          <Json value={opened} label="Entry" />
        </Dialog>
      )}
    </Panel>
  );
}

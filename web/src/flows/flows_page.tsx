import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { CalendarClock, FilePlus2, Play } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Input } from "@/ui/field";
import { Empty, PageHead } from "@/ui/panel";
import { Badge, Status } from "@/ui/status";
import { FlowEditor } from "./flow_editor";

type Flow = Schemas["FlowShown"];
const PAGE = 200;
const ROW_PX = 44;
const COLUMNS = "grid grid-cols-[minmax(10rem,2fr)_5rem_8rem_minmax(13rem,1fr)_5rem] items-center gap-3 border-b px-4";

/** The stored flows. */
export default function FlowsPage() {
  const [search, setSearch] = useState("");
  const [archived, setArchived] = useState(false);
  const [writing, setWriting] = useState(false);
  const mayWrite = useMay("flows:write");
  const maySchedules = useMay("schedules:read");
  const found = useInfiniteQuery({
    queryKey: ["flows", "list", archived],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/flows", { params: { query: { limit: PAGE, cursor: pageParam, archived } } })),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 1 ? false : 5_000),
  });
  const all = useMemo(() => found.data?.pages.flatMap((page) => page.flows) ?? [], [found.data]);
  const word = search.trim().toLowerCase();
  const flows = word ? all.filter((flow) => flow.name.toLowerCase().includes(word)) : all;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  const more = () => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  useEffect(() => {
    if (word && hasNextPage && !isFetchingNextPage) void fetchNextPage(); // what is searched for may stand on any page
  }, [word, hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <>
      <PageHead
        title="Flows"
        actions={
          <>
            <Input
              type="search"
              aria-label="Search"
              placeholder="Name"
              className="w-40"
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
            <label className="inline-flex items-center gap-1.5">
              <input type="checkbox" checked={archived} onChange={(event) => setArchived(event.target.checked)} />
              archived too
            </label>
            {maySchedules && (
              <Link
                to="/schedules"
                className="inline-flex min-h-8 items-center gap-1.5 rounded-md border bg-card px-3 font-medium hover:bg-sunk"
              >
                <CalendarClock size={15} aria-hidden /> Schedules
              </Link>
            )}
            {mayWrite && (
              <Button look="main" onClick={() => setWriting(true)}>
                <FilePlus2 size={15} aria-hidden /> New flow
              </Button>
            )}
          </>
        }
      />
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && !hasNextPage && flows.length === 0 && (
        <Empty title={word ? "No flow is named like that." : "There is no flow yet."}>
          {!word && (
            <p>
              {mayWrite
                ? "`stretto run FLOW.yaml` stores one, and so does the button above."
                : "Whoever may store flows can make one; it then shows here."}
            </p>
          )}
        </Empty>
      )}
      {flows.length > 0 && <FlowTable flows={flows} onMore={more} />}
      {writing && <FlowEditor onClose={() => setWriting(false)} />}
    </>
  );
}

function FlowTable({ flows, onMore }: { flows: Flow[]; onMore: () => void }) {
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: flows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 6,
  });
  const shown = rows.getVirtualItems();
  const last = shown[shown.length - 1]?.index ?? 0;
  const mayStart = useMay("runs:start");
  const mayRuns = useMay("runs:read");
  useEffect(() => {
    if (last >= flows.length - 20) onMore();
  }, [last, flows.length, onMore]);
  return (
    <div ref={frame} tabIndex={0} className="max-h-[calc(100dvh-9rem)] overflow-auto rounded-lg border bg-card">
      <div role="table" aria-label="Flows" aria-rowcount={flows.length} className="min-w-[46rem]">
        <div role="row" className={`${COLUMNS} sticky top-0 z-10 bg-card py-2 text-xs font-semibold text-soft`}>
          <span role="columnheader">Name</span>
          <span role="columnheader">Version</span>
          <span role="columnheader">Changed</span>
          <span role="columnheader">Last run</span>
          <span role="columnheader">
            <span className="sr-only">Start</span>
          </span>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
          {shown.map((item) => {
            const flow = flows[item.index] as Flow;
            return (
              <div
                key={flow.name}
                role="row"
                className={`${COLUMNS} absolute inset-x-0 hover:bg-sunk`}
                style={{ height: ROW_PX, transform: `translateY(${item.start}px)` }}
              >
                <span role="cell" className="truncate">
                  <Link to="/flows/$name" params={{ name: flow.name }} className="font-medium hover:underline">
                    {flow.name}
                  </Link>{" "}
                  {flow.archived_at && <Badge>archived</Badge>}
                </span>
                <span role="cell" className="tabular-nums text-soft">
                  {flow.version}
                </span>
                <span role="cell" className="text-soft">
                  <Time at={flow.updated_at} relative />
                </span>
                <span role="cell">{mayRuns && <LastRun run={flow.last_run} />}</span>
                <span role="cell">
                  {mayStart && !flow.archived_at && (
                    <Link
                      to="/flows/$name"
                      params={{ name: flow.name }}
                      hash="start"
                      className="inline-flex items-center gap-1 font-medium text-accent hover:underline"
                      aria-label={`Start ${flow.name}`}
                    >
                      <Play size={13} aria-hidden /> Start
                    </Link>
                  )}
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** How the flow's latest run stands. */
function LastRun({ run }: { run: Flow["last_run"] }) {
  if (!run) return <span className="text-soft">none</span>;
  return (
    <Link
      to="/runs/$runId"
      params={{ runId: run.id }}
      className="inline-flex items-center gap-2 whitespace-nowrap text-soft hover:underline"
    >
      <Status status={run.status} /> <Time at={run.accepted_at} relative />
    </Link>
  );
}

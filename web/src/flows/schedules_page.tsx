import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CalendarPlus, Pause, Pencil, Play, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Empty, PageHead } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { say, sayProblem } from "@/ui/toasts";
import { cronWords } from "./cron_words";
import { ScheduleForm } from "./schedule_form";

type Schedule = Schemas["ScheduleShown"];

/** Flows that start by the clock. */
export default function SchedulesPage() {
  const mayWrite = useMay("schedules:write");
  const [changing, setChanging] = useState<Schedule | "new" | null>(null);
  const [removing, setRemoving] = useState<Schedule | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["schedules", "list"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/schedules", { params: { query: { limit: 100, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 3 ? false : 5_000),
  });
  const schedules = found.data?.pages.flatMap((page) => page.schedules) ?? [];
  return (
    <>
      <PageHead
        title="Schedules"
        actions={
          mayWrite && (
            <Button look="main" onClick={() => setChanging("new")}>
              <CalendarPlus size={15} aria-hidden /> New schedule
            </Button>
          )
        }
      />
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && schedules.length === 0 && (
        <Empty title="No flow starts by the clock yet.">
          <p>A schedule starts a flow at set times, as `0 9 * * 1-5` does at nine on working days.</p>
        </Empty>
      )}
      {schedules.length > 0 && (
        <ul className="flex flex-col gap-3">
          {schedules.map((schedule) => (
            <li key={schedule.name} className="rounded-lg border bg-card px-4 py-3">
              <Card schedule={schedule} onChange={() => setChanging(schedule)} onRemove={() => setRemoving(schedule)} />
            </li>
          ))}
        </ul>
      )}
      {found.hasNextPage && (
        <Button className="mt-3" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more
        </Button>
      )}
      {changing && <ScheduleForm schedule={changing === "new" ? null : changing} onClose={() => setChanging(null)} />}
      {removing && <Removal schedule={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

function Card({ schedule, onChange, onRemove }: { schedule: Schedule; onChange: () => void; onRemove: () => void }) {
  const mayWrite = useMay("schedules:write");
  const queries = useQueryClient();
  const path = { name: schedule.name };
  const pause = useMutation({
    mutationFn: () =>
      body(
        api.POST(schedule.paused ? "/v1/schedules/{name}/resume" : "/v1/schedules/{name}/pause", { params: { path } }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["schedules"] }),
    onError: sayProblem,
  });
  const words = cronWords(schedule.cron);
  const Turn = schedule.paused ? Play : Pause;
  return (
    <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
      <div className="min-w-0 flex-1 basis-64">
        <h2 className="flex flex-wrap items-center gap-2">
          {schedule.name} {schedule.paused && <Badge tone="busy">paused</Badge>}
        </h2>
        <p>
          starts{" "}
          <Link to="/flows/$name" params={{ name: schedule.flow_name }} className="text-accent underline">
            {schedule.flow_name}
          </Link>{" "}
          {words ? `${words} ` : ""}
          <span className="text-soft">({schedule.timezone})</span>{" "}
          <code className="font-mono text-xs">{schedule.cron}</code>
        </p>
        {!schedule.paused && <NextTimes name={schedule.name} at={schedule.next_at} />}
      </div>
      {mayWrite && (
        <div className="flex flex-wrap gap-2">
          <Button disabled={pause.isPending} onClick={() => pause.mutate()}>
            <Turn size={15} aria-hidden /> {schedule.paused ? "Resume" : "Pause"}
          </Button>
          <Button onClick={onChange}>
            <Pencil size={15} aria-hidden /> Change
          </Button>
          <Button look="danger" square aria-label={`Remove ${schedule.name}`} onClick={onRemove}>
            <Trash2 size={15} aria-hidden />
          </Button>
        </div>
      )}
    </div>
  );
}

/** When it starts next; all that the server tells once they are asked for. */
function NextTimes({ name, at }: { name: string; at: string }) {
  const [open, setOpen] = useState(false);
  const detail = useQuery({
    queryKey: ["schedules", name, at],
    enabled: open,
    queryFn: () => body(api.GET("/v1/schedules/{name}", { params: { path: { name } } })),
  });
  return (
    <details className="text-soft" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        next <Time at={at} relative />: <Time at={at} />
      </summary>
      {detail.isError && <Failure error={detail.error} retry={() => void detail.refetch()} />}
      <ol className="ml-5 list-decimal">
        {detail.data?.next_times.map((time) => (
          <li key={time}>
            <Time at={time} />
          </li>
        ))}
      </ol>
    </details>
  );
}

function Removal({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.DELETE("/v1/schedules/{name}", { params: { path: { name: schedule.name } } }),
    onSuccess: () => {
      say(`${schedule.name} is removed.`);
      void queries.invalidateQueries({ queryKey: ["schedules"] });
      onClose();
    },
  });
  return (
    <Dialog open onClose={onClose} title={`Remove ${schedule.name}?`}>
      <p className="mb-3">
        {schedule.flow_name} will no longer start by this schedule. Runs that it has started go on. To let it rest for a
        while, pause it instead.
      </p>
      {remove.isError && <Failure error={remove.error} />}
      <div className="mt-3 flex gap-2">
        <Button look="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>
          Remove
        </Button>
        <Button onClick={onClose}>Keep</Button>
      </div>
    </Dialog>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Input, Select } from "@/ui/field";
import { say } from "@/ui/toasts";
import { cronWords } from "./cron_words";
import { documentQuery, inputOf } from "./documents";
import { isObject } from "./input_field";
import { focusFirstMisfit, InputForm, useInput } from "./input_form";
import { PrioritySelect } from "./priority";

type Schedule = Schemas["ScheduleShown"];
interface Timing {
  name: string;
  flow: string;
  cron: string;
  timezone: string;
  priority: number;
}

/** Makes a schedule, or changes one; a change that somebody else made meanwhile is not overwritten. */
export function ScheduleForm({ schedule, onClose }: { schedule: Schedule | null; onClose: () => void }) {
  const [timing, setTiming] = useState<Timing>({
    name: schedule?.name ?? "",
    flow: schedule?.flow_name ?? "",
    cron: schedule?.cron ?? "0 9 * * 1-5",
    timezone: schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    priority: schedule?.priority ?? 2,
  });
  const set = (part: Partial<Timing>) => setTiming((before) => ({ ...before, ...part }));
  const flows = useQuery({
    queryKey: ["flows", "names"],
    queryFn: () => body(api.GET("/v1/flows", { params: { query: { limit: 200 } } })),
  });
  const flow = useQuery({ ...documentQuery(timing.flow), enabled: timing.flow !== "" });
  const names = flows.data?.flows.map((each) => each.name) ?? [];
  const words = cronWords(timing.cron);
  return (
    <Dialog open onClose={onClose} title={schedule ? `Change ${schedule.name}` : "New schedule"} wide>
      <div className="flex flex-col gap-3">
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Name">
            {(about) => (
              <Input
                {...about}
                value={timing.name}
                disabled={schedule !== null}
                onChange={(event) => set({ name: event.target.value })}
              />
            )}
          </Field>
          <Field label="Flow" error={flows.isError ? "The flows cannot be listed now." : null}>
            {(about) => (
              <Select {...about} value={timing.flow} onChange={(event) => set({ flow: event.target.value })}>
                <option value="">–</option>
                {(names.includes(timing.flow) || timing.flow === "" ? names : [timing.flow, ...names]).map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="When" hint={words ?? "Cron: minute hour day month weekday, such as 0 9 * * 1-5."}>
            {(about) => (
              <Input
                {...about}
                className="font-mono"
                value={timing.cron}
                onChange={(event) => set({ cron: event.target.value })}
              />
            )}
          </Field>
          <Field label="Time zone">
            {(about) => (
              <>
                <Input
                  {...about}
                  list={`${about.id}-zones`}
                  value={timing.timezone}
                  onChange={(event) => set({ timezone: event.target.value })}
                />
                <datalist id={`${about.id}-zones`}>
                  {Intl.supportedValuesOf("timeZone").map((zone) => (
                    <option key={zone} value={zone} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <Field label="Priority">
            {(about) => (
              <PrioritySelect
                about={about}
                value={timing.priority}
                onChange={(priority) => set({ priority: priority ?? 2 })}
              />
            )}
          </Field>
        </div>
        {flow.isError && <Failure error={flow.error} retry={() => void flow.refetch()} />}
        {flow.data && (
          <ScheduledInput
            key={timing.flow}
            document={flow.data.document}
            timing={timing}
            schedule={schedule}
            onClose={onClose}
          />
        )}
      </div>
    </Dialog>
  );
}

/** The input of the flow that is chosen, and what stores the schedule. */
function ScheduledInput({
  document,
  timing,
  schedule,
  onClose,
}: {
  document: Record<string, unknown>;
  timing: Timing;
  schedule: Schedule | null;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (input: Record<string, unknown>) =>
      body(
        api.PUT("/v1/schedules/{name}", {
          params: {
            path: { name: timing.name.trim() },
            header: schedule ? { "if-match": `"${schedule.revision}"` } : { "if-none-match": "*" },
          },
          body: {
            flow: timing.flow,
            cron: timing.cron,
            timezone: timing.timezone,
            priority: timing.priority,
            input,
            paused: schedule?.paused ?? false,
          },
        }),
      ),
    onSuccess: (saved) => {
      void queries.invalidateQueries({ queryKey: ["schedules"] });
      say(`${saved.name} starts ${saved.flow_name} next at ${new Date(saved.next_at).toLocaleString()}.`);
      onClose();
    },
  });
  const values = schedule?.flow_name === timing.flow && isObject(schedule.input) ? schedule.input : undefined;
  const input = useInput(inputOf(document), values, save.error);
  const placed = save.isError && asProblem(save.error).errors.some((each) => each.pointer?.startsWith("#/input/"));
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    input.showAll();
    if (input.fits) save.mutate(input.value);
    else focusFirstMisfit(event.currentTarget);
  };
  return (
    <form onSubmit={send} noValidate className="flex flex-col gap-3">
      <h3 className="font-semibold">Input of each run</h3>
      <InputForm state={input} />
      {save.isError && !placed && <Failure error={save.error} />}
      <div>
        <Button type="submit" look="main" disabled={save.isPending || timing.name.trim() === ""}>
          {save.isPending ? "Storing…" : "Store"}
        </Button>
      </div>
    </form>
  );
}

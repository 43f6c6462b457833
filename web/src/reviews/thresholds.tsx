import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Input } from "@/ui/field";
import { Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { say, sayProblem } from "@/ui/toasts";

export type NewThreshold = Required<Schemas["NewThreshold"]>;

const ANY: NewThreshold = { flow: "", policy: "", content_type: "", approve: null, reject: null };

/** The thresholds that were set in place of those of flows; who may sets others. `draft` opens the form, filled in. */
export function Thresholds({
  draft,
  onDraft,
}: {
  draft: NewThreshold | null;
  onDraft: (draft: NewThreshold | null) => void;
}) {
  const may = useMay("policies:write");
  const queries = useQueryClient();
  const found = useInfiniteQuery({
    queryKey: ["thresholds"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/thresholds", { params: { query: { limit: 200, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  const again = useMutation({
    mutationFn: ({ flow, policy, content_type }: Schemas["ThresholdShown"]) =>
      api.DELETE("/v1/thresholds", { params: { query: { flow, policy, content_type } } }),
    onSuccess: () => {
      say("The flow’s own thresholds hold again.");
      void queries.invalidateQueries({ queryKey: ["thresholds"] });
    },
    onError: sayProblem,
  });
  const thresholds = found.data?.pages.flatMap((page) => page.thresholds) ?? [];
  const any = (name: string) => name || <span className="text-soft">any</span>;
  return (
    <Panel
      title="Thresholds in place of those of flows"
      flush
      actions={may && <Button onClick={() => onDraft(ANY)}>Set thresholds</Button>}
    >
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && thresholds.length === 0 && (
        <p className="p-4 text-soft">None are set: each judge goes by those of its flow, or by 0.90 and 0.70.</p>
      )}
      {thresholds.length > 0 && (
        <Table
          caption="Thresholds"
          left={3}
          heads={["Flow", "Policy", "Kind of content", "Passes from", "Rejects below", "Set", ""]}
          rows={thresholds.map((each) => ({
            key: JSON.stringify([each.flow, each.policy, each.content_type]),
            cells: [
              any(each.flow),
              any(each.policy),
              any(each.content_type),
              each.approve ?? "–",
              each.reject ?? "–",
              <Time key="set" at={each.updated_at} relative />,
              may && (
                <span key="acts" className="flex justify-end gap-1">
                  <Button look="quiet" onClick={() => onDraft(each)}>
                    Change
                  </Button>
                  <Button look="quiet" disabled={again.isPending} onClick={() => again.mutate(each)}>
                    Take away
                  </Button>
                </span>
              ),
            ],
          }))}
        />
      )}
      {found.hasNextPage && (
        <Button look="quiet" className="m-2" onClick={() => void found.fetchNextPage()}>
          More
        </Button>
      )}
      {draft && <ThresholdForm key={JSON.stringify(draft)} first={draft} onClose={() => onDraft(null)} />}
    </Panel>
  );
}

function ThresholdForm({ first, onClose }: { first: NewThreshold; onClose: () => void }) {
  const [names, setNames] = useState({ flow: first.flow, policy: first.policy, content_type: first.content_type });
  const [approve, setApprove] = useState(first.approve?.toString() ?? "");
  const [reject, setReject] = useState(first.reject?.toString() ?? "");
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: () =>
      body(api.PUT("/v1/thresholds", { body: { ...names, approve: share(approve), reject: share(reject) } })),
    onSuccess: () => {
      say("They count from the next judgement on.");
      void queries.invalidateQueries({ queryKey: ["thresholds"] });
      onClose();
    },
  });
  const crossed = approve && reject && Number(reject) > Number(approve) ? "It is above the other." : null;
  return (
    <Dialog open onClose={onClose} title="Thresholds">
      <form
        className="flex flex-col gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (!crossed) set.mutate();
        }}
      >
        <div className="grid gap-x-3 sm:grid-cols-3">
          <Field label="Flow" hint="Empty: any.">
            {(props) => (
              <Input
                {...props}
                maxLength={100}
                value={names.flow}
                onChange={(event) => setNames({ ...names, flow: event.target.value })}
              />
            )}
          </Field>
          <Field label="Policy" hint="Empty: any.">
            {(props) => (
              <Input
                {...props}
                maxLength={100}
                value={names.policy}
                onChange={(event) => setNames({ ...names, policy: event.target.value })}
              />
            )}
          </Field>
          <Field label="Kind of content" hint="Empty: any.">
            {(props) => (
              <Input
                {...props}
                maxLength={100}
                value={names.content_type}
                onChange={(event) => setNames({ ...names, content_type: event.target.value })}
              />
            )}
          </Field>
        </div>
        <div className="grid gap-x-3 sm:grid-cols-2">
          <Field label="Passes from" hint="A confidence of 0 to 1. Empty: as the flow says.">
            {(props) => <Share {...props} value={approve} onChange={setApprove} />}
          </Field>
          <Field label="Rejects below" hint="Empty: as the flow says." error={crossed}>
            {(props) => <Share {...props} value={reject} onChange={setReject} />}
          </Field>
        </div>
        {set.isError && <Failure error={set.error} />}
        <Button type="submit" look="main" className="self-start" disabled={set.isPending || Boolean(crossed)}>
          Set
        </Button>
      </form>
    </Dialog>
  );
}

function Share({
  value,
  onChange,
  ...rest
}: {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <Input
      {...rest}
      type="number"
      min={0}
      max={1}
      step="any"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

function share(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}

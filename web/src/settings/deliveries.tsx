import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { count, duration, Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Select } from "@/ui/field";
import { Json } from "@/ui/json";
import { heads, LongList } from "@/ui/long_list";
import { Empty } from "@/ui/panel";
import { Badge, type Tone } from "@/ui/status";
import { useAct } from "./data";

type Delivery = Schemas["DeliveryShown"];
type Webhook = Schemas["WebhookShown"];
const STATUSES = ["pending", "succeeded", "failed"] as const;
const TONES: Record<Delivery["status"], Tone> = { pending: "busy", succeeded: "good", failed: "bad" };

/** What was sent to a webhook, or is to be: each with the answer, and a way to send it again. */
export function Deliveries({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const may = useMay("webhooks:write");
  const [status, setStatus] = useState<Delivery["status"] | "">("");
  const [opened, setOpened] = useState<string | null>(null);
  const path = { webhook_id: webhook.id };
  const found = useInfiniteQuery({
    queryKey: ["deliveries", webhook.id, status],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/v1/webhooks/{webhook_id}/deliveries", {
          params: { path, query: { limit: 100, cursor: pageParam, ...(status ? { status } : {}) } },
        }),
      ),
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 3 ? false : 2_000),
  });
  const deliveries = useMemo(() => found.data?.pages.flatMap((page) => page.deliveries) ?? [], [found.data]);
  const again = useAct(
    "deliveries",
    () => body(api.POST("/v1/webhooks/{webhook_id}/send-again", { params: { path }, body: { since: aDayAgo() } })),
    { told: ({ sent }) => (sent === 0 ? "None failed since yesterday." : `${count(sent)} are on their way again.`) },
  );
  return (
    <Dialog open onClose={onClose} title={`Deliveries to ${webhook.url}`} wide>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <Select
          aria-label="State"
          value={status}
          onChange={(event) => setStatus(STATUSES.find((each) => each === event.target.value) ?? "")}
        >
          <option value="">all</option>
          {STATUSES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
        {may && (
          <Button disabled={again.isPending} onClick={() => again.mutate(undefined)}>
            Send again what failed in 24 hours
          </Button>
        )}
      </div>
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && deliveries.length === 0 && <Empty title="Nothing was sent." />}
      {deliveries.length > 0 && (
        <LongList
          label="Deliveries"
          heads={heads("Event", "State", "Attempts", "Answer", "Took", "When")}
          columns={{
            grid: "grid-cols-[minmax(12rem,1fr)_7rem_5rem_minmax(6rem,1fr)_5rem_8rem]",
            least: "min-w-[46rem]",
          }}
          items={deliveries}
          keyOf={(each) => each.event_id}
          more={{ has: found.hasNextPage, busy: found.isFetchingNextPage, load: () => void found.fetchNextPage() }}
          cells={(each) => [
            <button
              key="event"
              type="button"
              className="font-medium hover:underline"
              aria-expanded={opened === each.event_id}
              onClick={() => setOpened(opened === each.event_id ? null : each.event_id)}
            >
              {each.type}
            </button>,
            <Badge key="state" tone={TONES[each.status]}>
              {each.status}
            </Badge>,
            count(each.attempts),
            <span key="answer" title={each.error ?? each.response_text ?? undefined}>
              {each.error ?? each.response_code ?? "–"}
            </span>,
            each.duration_ms === null ? "–" : duration(each.duration_ms),
            <span key="when" className="text-soft">
              <Time at={each.last_at ?? each.created_at} relative />
            </span>,
          ]}
        />
      )}
      {opened && <Detail webhookId={webhook.id} eventId={opened} />}
    </Dialog>
  );
}

function aDayAgo(): string {
  return new Date(Date.now() - 86_400_000).toISOString();
}

function Detail({ webhookId, eventId }: { webhookId: string; eventId: string }) {
  const may = useMay("webhooks:write");
  const params = { path: { webhook_id: webhookId, event_id: eventId } };
  const { data, error } = useQuery({
    queryKey: ["deliveries", webhookId, "one", eventId],
    refetchInterval: 2_000,
    queryFn: () => body(api.GET("/v1/webhooks/{webhook_id}/deliveries/{event_id}", { params })),
  });
  const again = useAct(
    "deliveries",
    () => body(api.POST("/v1/webhooks/{webhook_id}/deliveries/{event_id}/send-again", { params })),
    { told: () => "It is on its way again." },
  );
  if (error) return <Failure error={error} />;
  if (!data) return <p className="mt-3 text-soft">Loading…</p>;
  return (
    <section aria-label="One delivery" className="mt-3 flex flex-col gap-2 border-t pt-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p>
          {data.attempts === 1 ? "1 attempt" : `${count(data.attempts)} attempts`}
          {data.response_code !== null && `, the last was answered by ${data.response_code}`}
          {data.next_at && (
            <>
              ; the next <Time at={data.next_at} relative />
            </>
          )}
          .
        </p>
        {may && (
          <Button disabled={again.isPending} onClick={() => again.mutate(undefined)}>
            Send again
          </Button>
        )}
      </div>
      {(data.error || data.response_text) && <Json value={data.error ?? data.response_text} label="Answer" />}
      <Json value={data.event} label="Event" />
    </section>
  );
}

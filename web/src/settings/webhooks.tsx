import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Failure } from "@/ui/failure";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { useAct } from "./data";
import { Deliveries } from "./deliveries";
import { Overlap } from "./key_dialogs";
import { seen } from "./rights";
import { Secret } from "./secret";
import { WebhookForm } from "./webhook_form";

type Webhook = Schemas["WebhookShown"];
type Open = { what: "change" | "remove" | "rotate" | "deliveries"; webhook: Webhook } | { what: "add" };

/** Where events are sent to, and what became of each. */
export function Webhooks() {
  const may = useMay("webhooks:write");
  const [open, setOpen] = useState<Open | null>(null);
  const [made, setMade] = useState<Schemas["WebhookMade"] | null>(null);
  const close = () => setOpen(null);
  const found = useInfiniteQuery({
    queryKey: ["webhooks"],
    initialPageParam: null as string | null,
    refetchInterval: 5_000,
    queryFn: ({ pageParam }) => body(api.GET("/v1/webhooks", { params: { query: { limit: 50, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  const webhooks = useMemo(() => found.data?.pages.flatMap((page) => page.webhooks) ?? [], [found.data]);
  const remove = useAct(
    "webhooks",
    (webhook: Webhook) =>
      api.DELETE("/v1/webhooks/{webhook_id}", {
        params: { path: { webhook_id: webhook.id }, header: seen(webhook.revision) },
      }),
    { told: () => "The webhook is gone, with what waited for it.", done: close },
  );
  const rotate = useAct(
    "webhooks",
    ({ webhook, overlap_s }: { webhook: Webhook; overlap_s: number }) =>
      body(
        api.POST("/v1/webhooks/{webhook_id}/rotate", {
          params: { path: { webhook_id: webhook.id } },
          body: { overlap_s },
        }),
      ),
    {
      done: (again) => {
        close();
        setMade(again);
      },
    },
  );
  return (
    <Panel
      title="Webhooks"
      flush
      actions={
        may && (
          <Button look="main" onClick={() => setOpen({ what: "add" })}>
            Make a webhook…
          </Button>
        )
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && webhooks.length === 0 && (
        <Empty title="Events are sent nowhere yet.">
          A webhook tells your own programs of runs, reviews and budgets.
        </Empty>
      )}
      <ul>
        {webhooks.map((webhook) => (
          <Line key={webhook.id} webhook={webhook} onOpen={(what) => setOpen({ what, webhook })} />
        ))}
      </ul>
      {found.hasNextPage && (
        <p className="p-3 text-center">
          <Button onClick={() => void found.fetchNextPage()}>Show more</Button>
        </p>
      )}
      {(open?.what === "add" || open?.what === "change") && (
        <WebhookForm
          webhook={open.what === "change" ? open.webhook : null}
          onClose={close}
          onMade={(fresh) => {
            close();
            setMade(fresh);
          }}
        />
      )}
      {open?.what === "deliveries" && <Deliveries webhook={open.webhook} onClose={close} />}
      {open?.what === "rotate" && (
        <Overlap
          title="Rotate the secret"
          about="Another secret is made. For a while each message is signed by both, so that the receiver can change over."
          label="The old secret ends"
          busy={rotate.isPending}
          onYes={(overlap_s) => rotate.mutate({ webhook: open.webhook, overlap_s })}
          onClose={close}
        />
      )}
      {open?.what === "remove" && (
        <Confirm
          title="Remove the webhook"
          act="Remove"
          busy={remove.isPending}
          onYes={() => remove.mutate(open.webhook)}
          onClose={close}
        >
          {open.webhook.url} gets no more events; what waits for it is dropped. To stop for a while, turn it off
          instead.
        </Confirm>
      )}
      {made && (
        <Secret
          title="The webhook’s secret"
          secret={made.secret}
          about={`Messages to ${made.url} are signed with it (Standard Webhooks): check the signature before you believe one.`}
          onClose={() => setMade(null)}
        />
      )}
    </Panel>
  );
}

function Line({
  webhook,
  onOpen,
}: {
  webhook: Webhook;
  onOpen: (what: "change" | "remove" | "rotate" | "deliveries") => void;
}) {
  const may = useMay("webhooks:write");
  const test = useAct(
    "deliveries",
    () => body(api.POST("/v1/webhooks/{webhook_id}/test", { params: { path: { webhook_id: webhook.id } } })),
    { told: () => "A test event is on its way.", done: () => onOpen("deliveries") },
  );
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b px-4 py-3 last:border-b-0">
      <div className="min-w-0 flex-1 basis-72">
        <p className="flex flex-wrap items-center gap-2">
          <span className="font-medium break-all">{webhook.url}</span>
          <State webhook={webhook} />
        </p>
        <p className="text-xs text-soft">
          {webhook.types.join(", ")}
          {webhook.description && ` · ${webhook.description}`}
        </p>
        {webhook.disabled_reason && <p className="text-xs text-bad">{webhook.disabled_reason}</p>}
        {webhook.before_until && (
          <p className="text-xs text-soft">
            The old secret signs until <Time at={webhook.before_until} />.
          </p>
        )}
      </div>
      <div className="flex flex-wrap gap-1">
        <Button onClick={() => onOpen("deliveries")}>Deliveries</Button>
        {may && (
          <>
            <Button look="quiet" disabled={test.isPending} onClick={() => test.mutate(undefined)}>
              Test
            </Button>
            <Button look="quiet" onClick={() => onOpen("change")}>
              Change…
            </Button>
            <Button look="quiet" onClick={() => onOpen("rotate")}>
              Rotate…
            </Button>
            <Button look="quiet" onClick={() => onOpen("remove")}>
              Remove…
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

function State({ webhook: { active, failing_since } }: { webhook: Webhook }) {
  if (!active) return <Badge tone="soft">off</Badge>;
  if (!failing_since) return <Badge tone="good">on</Badge>;
  return (
    <Badge tone="bad">
      fails since <Time at={failing_since} relative />
    </Badge>
  );
}

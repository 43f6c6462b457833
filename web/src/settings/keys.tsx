import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Failure } from "@/ui/failure";
import { heads, LongList, unseen } from "@/ui/long_list";
import { Empty, Panel } from "@/ui/panel";
import { Badge, type Tone } from "@/ui/status";
import { useAct, useGrantable } from "./data";
import { NewKey, RotateKey } from "./key_dialogs";
import { standing } from "./rights";
import { Secret } from "./secret";

type Key = Schemas["KeyShown"];
const TONES: Record<ReturnType<typeof standing>, Tone> = {
  good: "good",
  "ends soon": "busy",
  ended: "soft",
  revoked: "soft",
};

/** The tenant's keys: made, rotated, revoked. Their secrets are shown once. */
export function Keys() {
  const may = useMay("keys:write");
  const roles = useGrantable();
  const [adding, setAdding] = useState(false);
  const [rotating, setRotating] = useState<Key | null>(null);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const [made, setMade] = useState<Schemas["KeyMade"] | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["keys"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => body(api.GET("/v1/keys", { params: { query: { limit: 100, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  const keys = useMemo(() => found.data?.pages.flatMap((page) => page.keys) ?? [], [found.data]);
  const revoke = useAct(
    "keys",
    (key: Key) => api.DELETE("/v1/keys/{prefix}", { params: { path: { prefix: key.prefix } } }),
    {
      told: () => "The key is revoked; it is refused everywhere within 5 seconds.",
      done: () => setRevoking(null),
    },
  );
  return (
    <Panel
      title="Keys"
      flush
      actions={
        may && (
          <Button look="main" onClick={() => setAdding(true)}>
            Make a key…
          </Button>
        )
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && keys.length === 0 && (
        <Empty title="There is no key yet.">Programs show who they are by a key.</Empty>
      )}
      {keys.length > 0 && (
        <LongList
          label="Keys"
          heads={[...heads("Name", "Role", "State", "Last used", "Ends"), unseen("What to do")]}
          columns={{ grid: "grid-cols-[minmax(12rem,1fr)_10rem_6rem_8rem_10rem_11rem]", least: "min-w-[60rem]" }}
          items={keys}
          keyOf={(key) => key.id}
          more={{ has: found.hasNextPage, busy: found.isFetchingNextPage, load: () => void found.fetchNextPage() }}
          cells={(key) => {
            const state = standing(key, new Date());
            const lives = state === "good" || state === "ends soon";
            const mine = may && lives && roles.includes(key.role);
            return [
              <span key="name" title={`made by ${key.created_by}`}>
                <b className="font-medium">{key.name || "without a name"}</b>{" "}
                <code className="font-mono text-xs text-soft">st_{key.prefix}…</code>
              </span>,
              <span key="role" title={key.scopes?.join(", ")}>
                {key.role}
                {key.scopes && <span className="text-soft"> · {key.scopes.length} scopes</span>}
              </span>,
              <Badge key="state" tone={TONES[state]}>
                {state}
              </Badge>,
              <span key="used" className="text-soft">
                {key.last_used_at ? <Time at={key.last_used_at} relative /> : "never"}
              </span>,
              key.expires_at ? <Time key="ends" at={key.expires_at} /> : "never",
              mine && (
                <span key="acts" className="flex justify-end">
                  <Button look="quiet" aria-label={`Rotate ${key.prefix}`} onClick={() => setRotating(key)}>
                    Rotate…
                  </Button>
                  <Button look="quiet" aria-label={`Revoke ${key.prefix}`} onClick={() => setRevoking(key)}>
                    Revoke…
                  </Button>
                </span>
              ),
            ];
          }}
        />
      )}
      {adding && (
        <NewKey
          roles={roles}
          onClose={() => setAdding(false)}
          onMade={(key) => {
            setAdding(false);
            setMade(key);
          }}
        />
      )}
      {rotating && (
        <RotateKey
          old={rotating}
          onClose={() => setRotating(null)}
          onMade={(key) => {
            setRotating(null);
            setMade(key);
          }}
        />
      )}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name || `st_${revoking.prefix}…`}`}
          act="Revoke"
          busy={revoke.isPending}
          onYes={() => revoke.mutate(revoking)}
          onClose={() => setRevoking(null)}
        >
          Whatever uses this key is refused from now on, and its streams end. A revoked key never comes back; to change
          a key without a gap, rotate it.
        </Confirm>
      )}
      {made && (
        <Secret
          title={`The key ${made.name}`}
          secret={made.key}
          about={`It has the role ${made.role}. Programs send it as “Authorization: Bearer …”.`}
          onClose={() => setMade(null)}
        />
      )}
    </Panel>
  );
}

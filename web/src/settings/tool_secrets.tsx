import { useInfiniteQuery } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Input } from "@/ui/field";
import { heads, LongList, unseen } from "@/ui/long_list";
import { Empty, Panel } from "@/ui/panel";
import { useAct } from "./data";
import { SealedSecret } from "./sealed_secret";

type Named = Schemas["SecretShown"];

/** What servers of tools (MCP) are given: set and removed here, and never read back. */
export function ToolSecrets() {
  const may = useMay("secrets:write");
  const [setting, setSetting] = useState<string | null>(null);
  const [removing, setRemoving] = useState<Named | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["tool secrets"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/tool-secrets", { params: { query: { limit: 100, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  const secrets = useMemo(() => found.data?.pages.flatMap((page) => page.secrets) ?? [], [found.data]);
  const remove = useAct(
    "tool secrets",
    ({ name }: Named) => api.DELETE("/v1/tool-secrets/{name}", { params: { path: { name } } }),
    {
      told: (_, { name }) => `${name} is gone; servers that had it follow within 15 s.`,
      done: () => setRemoving(null),
    },
  );
  return (
    <Panel
      title="Secrets of tool servers"
      flush
      actions={
        may && (
          <Button look="main" onClick={() => setSetting("")}>
            Set a secret…
          </Button>
        )
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && secrets.length === 0 && (
        <Empty title="No secret is set.">
          Where stretto.yaml says `tenant:NAME`, a server of tools gets the one of that name.
        </Empty>
      )}
      {secrets.length > 0 && (
        <LongList
          label="Secrets of tool servers"
          heads={[...heads("Name", "Set"), unseen("What to do")]}
          columns={{ grid: "grid-cols-[minmax(10rem,1fr)_11rem_13rem]", least: "min-w-[36rem]" }}
          items={secrets}
          keyOf={(each) => each.name}
          more={{ has: found.hasNextPage, busy: found.isFetchingNextPage, load: () => void found.fetchNextPage() }}
          cells={(each) => [
            <code key="name" className="font-mono">
              {each.name}
            </code>,
            <Time key="set" at={each.updated_at} />,
            may && (
              <span key="acts" className="flex justify-end">
                <Button look="quiet" aria-label={`Replace ${each.name}`} onClick={() => setSetting(each.name)}>
                  Replace…
                </Button>
                <Button look="quiet" aria-label={`Remove ${each.name}`} onClick={() => setRemoving(each)}>
                  Remove…
                </Button>
              </span>
            ),
          ]}
        />
      )}
      {setting !== null && <SetSecret name={setting} onClose={() => setSetting(null)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}`}
          act="Remove"
          busy={remove.isPending}
          onYes={() => remove.mutate(removing)}
          onClose={() => setRemoving(null)}
        >
          Servers that have it are started anew within 15 s, and refuse to work without it.
        </Confirm>
      )}
    </Panel>
  );
}

/** A form for a secret; with a name, it takes the place of the one that there is. */
function SetSecret({ name: old, onClose }: { name: string; onClose: () => void }) {
  const [name, setName] = useState(old);
  const [secret, setSecret] = useState("");
  const put = useAct(
    "tool secrets",
    () => api.PUT("/v1/tool-secrets/{name}", { params: { path: { name: name.trim() } }, body: { secret } }),
    { told: () => `${name.trim()} is set; servers that had another follow within 15 s.`, done: onClose },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    put.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title={old ? `Replace ${old}` : "Set a secret"}>
      <form onSubmit={submit} className="flex flex-col gap-3">
        {!old && (
          <Field label="Name" hint="What stretto.yaml says after `tenant:`.">
            {(props) => (
              <Input
                {...props}
                required
                maxLength={64}
                autoComplete="off"
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
        )}
        <SealedSecret
          hint="From 6 characters on. It is sealed, and nobody can read it back."
          least={6}
          most={8192}
          value={secret}
          onChange={setSecret}
        />
        {put.isError && <Failure error={put.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" disabled={put.isPending}>
            Set
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

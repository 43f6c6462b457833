import { useInfiniteQuery } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Input, Select } from "@/ui/field";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { useAct } from "./data";
import { SealedSecret } from "./sealed_secret";
import { CopyButton } from "./secret";

type Source = Schemas["SourceShown"];

/** From where webhooks are taken in. */
export function HookSources() {
  const may = useMay("webhooks:write");
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Source | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["hook sources"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      body(api.GET("/v1/hook-sources", { params: { query: { limit: 50, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  const sources = useMemo(() => found.data?.pages.flatMap((page) => page.sources) ?? [], [found.data]);
  const remove = useAct(
    "hook sources",
    (source: Source) => api.DELETE("/v1/hook-sources/{name}", { params: { path: { name: source.name } } }),
    { told: () => "The source is gone; its address leads nowhere now.", done: () => setRemoving(null) },
  );
  return (
    <Panel
      title="Hook sources"
      flush
      actions={
        may && (
          <Button look="main" onClick={() => setAdding(true)}>
            Make a source…
          </Button>
        )
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && sources.length === 0 && (
        <Empty title="Nothing is taken in yet.">
          A source gives others an address to send signed messages to, which become events that flows can wait for.
        </Empty>
      )}
      <ul>
        {sources.map((source) => (
          <li
            key={source.name}
            className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b px-4 py-3 last:border-b-0"
          >
            <div className="min-w-0 flex-1 basis-72">
              <p className="flex flex-wrap items-center gap-2">
                <span className="font-medium">{source.name}</span>
                <Badge tone="accent">{source.scheme}</Badge>
                {!source.active && <Badge>off</Badge>}
              </p>
              <p className="font-mono text-xs break-all">{addressOf(source.path)}</p>
              <p className="text-xs text-soft">
                made by {source.created_by}, <Time at={source.created_at} />
              </p>
            </div>
            <div className="flex flex-wrap gap-1">
              <CopyButton text={addressOf(source.path)} />
              {may && (
                <Button look="quiet" onClick={() => setRemoving(source)}>
                  Remove…
                </Button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {found.hasNextPage && (
        <p className="p-3 text-center">
          <Button onClick={() => void found.fetchNextPage()}>Show more</Button>
        </p>
      )}
      {adding && <NewSource schemes={found.data?.pages[0]?.schemes ?? []} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}`}
          act="Remove"
          busy={remove.isPending}
          onYes={() => remove.mutate(removing)}
          onClose={() => setRemoving(null)}
        >
          Whoever sends to its address gets an error from now on. Made anew, it has another address.
        </Confirm>
      )}
    </Panel>
  );
}

function addressOf(path: string): string {
  return window.location.origin + path;
}

function NewSource({ schemes, onClose }: { schemes: readonly string[]; onClose: () => void }) {
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const scheme = chosen ?? schemes[0] ?? "";
  const [secret, setSecret] = useState("");
  const add = useAct(
    "hook sources",
    () => body(api.POST("/v1/hook-sources", { body: { name: name.trim(), scheme, secret: secret.trim() } })),
    { told: (made) => `${made.name} is made. Give its address to who sends.`, done: onClose },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title="Make a source">
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Name" hint="Small letters, digits, “-” and “_”.">
          {(props) => (
            <Input
              {...props}
              required
              maxLength={40}
              pattern="[a-z0-9][a-z0-9_\-]*"
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="How it signs">
          {(props) => (
            <Select {...props} value={scheme} onChange={(event) => setChosen(event.target.value)}>
              {schemes.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </Select>
          )}
        </Field>
        <SealedSecret
          hint="The one that the sender signs with. It is sealed, and shown nowhere again."
          least={8}
          most={500}
          value={secret}
          onChange={setSecret}
        />
        {add.isError && <Failure error={add.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" disabled={add.isPending}>
            Make the source
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

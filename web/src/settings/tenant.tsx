import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { accountQuery, useMay } from "@/shell/me";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Field, Input } from "@/ui/field";
import { Panel } from "@/ui/panel";
import { useAct } from "./data";
import { seen } from "./rights";

/** The tenant's name, and who looks at it. */
export function Tenant() {
  const { data, error, refetch } = useQuery({ queryKey: ["tenant"], queryFn: () => body(api.GET("/v1/tenant")) });
  const { data: account } = useQuery(accountQuery);
  const may = useMay("tenant:write");
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data || !account) return <p className="text-soft">Loading…</p>;
  return (
    <Panel title="Tenant">
      <div className="flex max-w-md flex-col gap-4">
        {may ? <Rename key={data.revision} tenant={data} /> : <p className="font-medium">{data.name}</p>}
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-soft">
          <dt>Made</dt>
          <dd>
            <Time at={data.created_at} />
          </dd>
          <dt>Id</dt>
          <dd className="font-mono text-xs">{data.id}</dd>
          <dt>You</dt>
          <dd>
            {account.me.by}, {account.me.role}, by {account.me.via === "local" ? "this machine" : account.me.via}
          </dd>
        </dl>
      </div>
    </Panel>
  );
}

function Rename({ tenant }: { tenant: Schemas["TenantShown"] }) {
  const queries = useQueryClient();
  const [name, setName] = useState(tenant.name);
  const rename = useAct(
    "tenant",
    () => body(api.PATCH("/v1/tenant", { params: { header: seen(tenant.revision) }, body: { name } })),
    {
      told: (changed) => `The tenant’s name is ${changed.name} now.`,
      done: () => void queries.invalidateQueries({ queryKey: accountQuery.queryKey }),
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    rename.mutate(undefined);
  };
  return (
    <form onSubmit={submit} className="flex flex-col items-start gap-2 [&>div]:w-full">
      <Field
        label="Name"
        hint="Small letters, digits, “.”, “_” and “-”. Budgets in stretto.yaml and tokens of the identity provider name it: change it there too."
      >
        {(props) => (
          <Input {...props} required maxLength={63} value={name} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <Button type="submit" disabled={rename.isPending || name === tenant.name}>
        Rename
      </Button>
    </form>
  );
}

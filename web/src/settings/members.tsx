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
import { heads, LongList, unseen } from "@/ui/long_list";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { useAct, useGrantable } from "./data";
import { type Role, seen } from "./rights";

type Member = Schemas["MemberShown"];

/** The people who may log in, and their roles. */
export function Members() {
  const may = useMay("members:write");
  const roles = useGrantable();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["members"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => body(api.GET("/v1/members", { params: { query: { limit: 100, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  const members = useMemo(() => found.data?.pages.flatMap((page) => page.members) ?? [], [found.data]);
  const change = useAct(
    "members",
    ({ member, role }: { member: Member; role: Role }) =>
      body(
        api.PATCH("/v1/members/{member_id}", {
          params: { path: { member_id: member.id }, header: seen(member.revision) },
          body: { role },
        }),
      ),
    { told: (_, { member, role }) => `${member.email} is ${role} now; open sessions follow within a minute.` },
  );
  const remove = useAct(
    "members",
    (member: Member) =>
      api.DELETE("/v1/members/{member_id}", {
        params: { path: { member_id: member.id }, header: seen(member.revision) },
      }),
    { told: (_, member) => `${member.email} is no member any more.`, done: () => setRemoving(null) },
  );
  return (
    <Panel
      title="Members"
      flush
      actions={
        may && (
          <Button look="main" onClick={() => setAdding(true)}>
            Invite…
          </Button>
        )
      }
    >
      {found.isPending && <p className="p-4 text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && members.length === 0 && (
        <Empty title="Nobody is a member yet.">
          Invite people by their e-mail address; they log in with your identity provider. Programs use keys.
        </Empty>
      )}
      {members.length > 0 && (
        <LongList
          label="Members"
          heads={[...heads("E-mail address", "Role", "State", "Since"), unseen("Remove")]}
          columns={{ grid: "grid-cols-[minmax(12rem,1fr)_9rem_7rem_9rem_6rem]", least: "min-w-[46rem]" }}
          items={members}
          keyOf={(member) => member.id}
          more={{ has: found.hasNextPage, busy: found.isFetchingNextPage, load: () => void found.fetchNextPage() }}
          cells={(member) => {
            const mine = may && roles.includes(member.role);
            return [
              <span key="email" title={`made by ${member.created_by}`} className="font-medium">
                {member.email}
              </span>,
              mine ? (
                <Select
                  key="role"
                  aria-label={`Role of ${member.email}`}
                  value={member.role}
                  disabled={change.isPending}
                  onChange={(event) => {
                    const role = roles.find((each) => each === event.target.value);
                    if (role) change.mutate({ member, role });
                  }}
                >
                  {roles.map((role) => (
                    <option key={role}>{role}</option>
                  ))}
                </Select>
              ) : (
                member.role
              ),
              <Badge key="joined" tone={member.joined ? "good" : "soft"}>
                {member.joined ? "joined" : "invited"}
              </Badge>,
              <Time key="since" at={member.created_at} />,
              mine && (
                <Button key="remove" look="quiet" onClick={() => setRemoving(member)}>
                  Remove…
                </Button>
              ),
            ];
          }}
        />
      )}
      {adding && <Invite roles={roles} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.email}`}
          act="Remove"
          busy={remove.isPending}
          onYes={() => remove.mutate(removing)}
          onClose={() => setRemoving(null)}
        >
          Open sessions end at once. Keys that the member made go on: see to them under Keys.
        </Confirm>
      )}
    </Panel>
  );
}

function Invite({ roles, onClose }: { roles: Role[]; onClose: () => void }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const add = useAct("members", () => body(api.POST("/v1/members", { body: { email: email.trim(), role } })), {
    told: (made) => `${made.email} may log in now.`,
    done: onClose,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title="Invite a member">
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="E-mail address" hint="The identity provider must have verified it.">
          {(props) => (
            <Input
              {...props}
              type="email"
              required
              maxLength={254}
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </Field>
        <RoleField roles={roles} role={role} onChange={setRole} />
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" disabled={add.isPending}>
            Invite
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** A choice of roles. */
export function RoleField({ roles, role, onChange }: { roles: Role[]; role: Role; onChange: (role: Role) => void }) {
  return (
    <Field label="Role" hint="Only roles that allow no more than your own are offered. The table is under Roles.">
      {(props) => (
        <Select
          {...props}
          value={role}
          onChange={(event) => onChange(roles.find((each) => each === event.target.value) ?? role)}
        >
          {roles.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
      )}
    </Field>
  );
}

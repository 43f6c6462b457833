import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { accountQuery } from "@/shell/me";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select } from "@/ui/field";
import { rolesQuery, useAct } from "./data";
import { RoleField } from "./members";
import { type Permission, permissionsOf, type Role } from "./rights";

type Made = Schemas["KeyMade"];
const LIVES = [
  { days: 30, label: "in 30 days" },
  { days: 90, label: "in 90 days" },
  { days: 365, label: "in a year" },
  { days: 0, label: "never" },
];
const OVERLAPS = [
  { s: 0, label: "at once" },
  { s: 3_600, label: "in an hour" },
  { s: 86_400, label: "in a day" },
  { s: 7 * 86_400, label: "in a week" },
];

/** A form for a key: its name, what it may do, and when it ends. */
export function NewKey({
  roles,
  onMade,
  onClose,
}: {
  roles: Role[];
  onMade: (key: Made) => void;
  onClose: () => void;
}) {
  const { data: table } = useQuery(rolesQuery);
  const { data: account } = useQuery(accountQuery);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [days, setDays] = useState(90);
  const [scopes, setScopes] = useState<ReadonlySet<Permission>>(new Set());
  const offered = table ? permissionsOf(table, role) : [];
  const kept = offered.filter((each) => scopes.has(each));
  const add = useAct(
    "keys",
    () =>
      body(
        api.POST("/v1/keys", {
          body: {
            name: name.trim(),
            role,
            ...(kept.length > 0 ? { scopes: kept } : {}),
            ...(days > 0 ? { expires_at: new Date(Date.now() + days * 86_400_000).toISOString() } : {}),
          },
        }),
      ),
    { done: onMade },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  const tick = (permission: Permission, on: boolean) => {
    const next = new Set(scopes);
    if (on) next.add(permission);
    else next.delete(permission);
    setScopes(next);
  };
  return (
    <Dialog open onClose={onClose} title="Make a key">
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Name" hint="What uses it: you will know it by this.">
          {(props) => (
            <Input
              {...props}
              required
              maxLength={100}
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <RoleField roles={roles} role={role} onChange={setRole} />
        <Field label="Ends">
          {(props) => (
            <Select {...props} value={days} onChange={(event) => setDays(Number(event.target.value))}>
              {LIVES.map((each) => (
                <option key={each.days} value={each.days}>
                  {each.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <details>
          <summary className="cursor-pointer font-medium">
            Scopes: {kept.length === 0 ? "all that the role may do" : `${kept.length} of ${offered.length}`}
          </summary>
          <fieldset className="mt-2 grid grid-cols-1 gap-1 sm:grid-cols-2">
            <legend className="mb-1 text-xs text-soft">
              With none ticked, the key may do all that its role allows.
            </legend>
            {offered.map((permission) => (
              <label key={permission} className="flex items-center gap-2">
                <input
                  type="checkbox"
                  checked={scopes.has(permission)}
                  disabled={!account?.me.permissions.includes(permission)}
                  onChange={(event) => tick(permission, event.target.checked)}
                />
                <code className="font-mono text-xs">{permission}</code>
              </label>
            ))}
          </fieldset>
        </details>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" disabled={add.isPending}>
            Make the key
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks how long the old key goes on beside the new one. */
export function RotateKey({
  old,
  onMade,
  onClose,
}: {
  old: Schemas["KeyShown"];
  onMade: (key: Made) => void;
  onClose: () => void;
}) {
  const rotate = useAct(
    "keys",
    (overlap_s: number) =>
      body(api.POST("/v1/keys/{prefix}/rotate", { params: { path: { prefix: old.prefix } }, body: { overlap_s } })),
    { done: onMade },
  );
  return (
    <Overlap
      title={`Rotate ${old.name || `st_${old.prefix}…`}`}
      about="A new key with the same rights is made, which never ends by itself. The old one goes on for a while, so that nothing stops."
      label="The old key ends"
      busy={rotate.isPending}
      onYes={rotate.mutate}
      onClose={onClose}
    />
  );
}

/** A question for the time in which the old secret counts beside the new one. */
export function Overlap({
  title,
  about,
  label,
  busy,
  onYes,
  onClose,
}: {
  title: string;
  about: string;
  label: string;
  busy: boolean;
  onYes: (overlapS: number) => void;
  onClose: () => void;
}) {
  const [overlapS, setOverlapS] = useState(86_400);
  return (
    <Dialog open onClose={onClose} title={title}>
      <div className="flex flex-col gap-3">
        <p>{about}</p>
        <Field label={label}>
          {(props) => (
            <Select {...props} value={overlapS} onChange={(event) => setOverlapS(Number(event.target.value))}>
              {OVERLAPS.map((each) => (
                <option key={each.s} value={each.s}>
                  {each.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" disabled={busy} onClick={() => onYes(overlapS)}>
            Rotate
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, body, type Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { Field, Input, Textarea } from "@/ui/field";
import { useAct } from "./data";
import { seen, typesOf } from "./rights";

/** A form for a webhook that is made, or for one that is changed. */
export function WebhookForm({
  webhook,
  onMade,
  onClose,
}: {
  webhook: Schemas["WebhookShown"] | null;
  onMade: (made: Schemas["WebhookMade"]) => void;
  onClose: () => void;
}) {
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [types, setTypes] = useState(webhook?.types.join("\n") ?? "*");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [active, setActive] = useState(webhook?.active ?? true);
  const mayEvents = useMay("events:read");
  const { data: known } = useQuery({
    queryKey: ["event types"],
    staleTime: 3_600_000,
    enabled: mayEvents,
    queryFn: () => body(api.GET("/v1/events/schemas")),
  });
  const keep = useAct(
    "webhooks",
    async () => {
      const said = { url: url.trim(), types: typesOf(types), description: description.trim() };
      if (!webhook) return body(api.POST("/v1/webhooks", { body: said }));
      const params = { path: { webhook_id: webhook.id }, header: seen(webhook.revision) };
      await api.PATCH("/v1/webhooks/{webhook_id}", { params, body: { ...said, active } });
      return null;
    },
    {
      told: (made) => (made ? "" : "The webhook is changed."),
      done: (made) => (made ? onMade(made) : onClose()),
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    keep.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title={webhook ? "Change the webhook" : "Make a webhook"}>
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Address" hint="Where messages are posted to. It must be https, save on this machine.">
          {(props) => (
            <Input
              {...props}
              type="url"
              required
              maxLength={2000}
              placeholder="https://"
              value={url}
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Types of events"
          hint="One a line: exact ones, beginnings such as stretto.run.*, or * for all of them."
        >
          {(props) => <Textarea {...props} required value={types} onChange={(event) => setTypes(event.target.value)} />}
        </Field>
        {known && (
          <details className="text-xs">
            <summary className="cursor-pointer">The {known.types.length} types that there are</summary>
            <ul className="mt-1 flex max-h-48 flex-col gap-1 overflow-auto">
              {known.types.map((each) => (
                <li key={each.type}>
                  <button
                    type="button"
                    className="font-mono text-accent underline"
                    onClick={() => setTypes([...typesOf(types).filter((type) => type !== "*"), each.type].join("\n"))}
                  >
                    {each.type}
                  </button>{" "}
                  <span className="text-soft">{each.meaning}</span>
                </li>
              ))}
            </ul>
          </details>
        )}
        <Field label="Description">
          {(props) => (
            <Input
              {...props}
              maxLength={200}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        {webhook && (
          <label className="flex items-center gap-2">
            <input type="checkbox" checked={active} onChange={(event) => setActive(event.target.checked)} />
            Events are sent
          </label>
        )}
        {keep.isError && <Failure error={keep.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" disabled={keep.isPending}>
            {webhook ? "Change" : "Make the webhook"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

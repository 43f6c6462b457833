import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { accountQuery } from "@/shell/me";
import { PageHead } from "@/ui/panel";
import { Tabs } from "@/ui/tabs";
import { Audit } from "./audit";
import { HookSources } from "./hook_sources";
import { Keys } from "./keys";
import { Members } from "./members";
import { Models } from "./models";
import { Roles } from "./roles";
import { Tenant } from "./tenant";
import { ToolSecrets } from "./tool_secrets";
import { Webhooks } from "./webhooks";

const TABS: { id: string; label: string; permission: string; content: ReactNode }[] = [
  { id: "members", label: "Members", permission: "members:read", content: <Members /> },
  { id: "roles", label: "Roles", permission: "tenant:read", content: <Roles /> },
  { id: "keys", label: "Keys", permission: "keys:read", content: <Keys /> },
  { id: "models", label: "Models", permission: "limits:read", content: <Models /> },
  { id: "webhooks", label: "Webhooks", permission: "webhooks:read", content: <Webhooks /> },
  { id: "sources", label: "Hook sources", permission: "webhooks:read", content: <HookSources /> },
  { id: "tools", label: "Tool secrets", permission: "secrets:read", content: <ToolSecrets /> },
  { id: "audit", label: "Audit log", permission: "audit:read", content: <Audit /> },
  { id: "tenant", label: "Tenant", permission: "tenant:read", content: <Tenant /> },
];

/** Who may come in, who answers, where events go, and what was done; `?tab=` says which sheet is open. */
export default function SettingsPage() {
  const { data: account } = useQuery(accountQuery);
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const go = useNavigate();
  const may = new Set<string>(account?.me.permissions);
  const tabs = TABS.filter((tab) => may.has(tab.permission)).map((tab) => ({
    ...tab,
    content: <div className="flex flex-col gap-4 pt-4">{tab.content}</div>,
  }));
  const open = tabs.find((tab) => tab.id === search.tab) ?? tabs[0];
  return (
    <div className="mx-auto max-w-6xl">
      <PageHead title="Settings" />
      {open && (
        <Tabs
          label="Settings"
          tabs={tabs}
          value={open.id}
          onChange={(tab) => void go({ to: "/settings", replace: true, search: { tab } as never })}
        />
      )}
    </div>
  );
}

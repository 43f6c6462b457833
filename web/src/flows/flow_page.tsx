import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { Archive, ArchiveRestore, Pencil } from "lucide-react";
import { useState } from "react";
import { api, body } from "@/api/client";
import { FlowGraph } from "@/graph/flow_graph";
import { useMay } from "@/shell/me";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { PageHead } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { type Tab, Tabs } from "@/ui/tabs";
import { say, sayProblem } from "@/ui/toasts";
import { documentQuery, textQuery } from "./documents";
import { FlowEditor } from "./flow_editor";
import { FlowRuns } from "./flow_runs";
import { FlowSource } from "./flow_source";
import { FlowVersions } from "./flow_versions";
import { StartPanel } from "./start_panel";

/** One flow: its graph, its text, its versions, its runs, and a form to start one. */
export default function FlowPage() {
  const { name } = useParams({ strict: false }) as { name: string };
  return <FlowView key={name} name={name} />;
}

function FlowView({ name }: { name: string }) {
  const navigate = useNavigate();
  const hash = useLocation({ select: (location) => location.hash });
  const mayStart = useMay("runs:start");
  const mayRead = useMay("runs:read");
  const flow = useQuery(documentQuery(name));
  if (flow.isLoadingError) return <Failure error={flow.error} retry={() => void flow.refetch()} />;
  if (!flow.data) return <p className="text-soft">Loading…</p>;
  const { version, document } = flow.data;
  const archived = flow.data.archived_at !== null;
  const tabs: Tab[] = [
    { id: "graph", label: "Graph", content: <Picture name={name} version={version} /> },
    ...(mayStart && !archived
      ? [{ id: "start", label: "Start", content: <StartPanel name={name} document={document} /> }]
      : []),
    { id: "source", label: "Source", content: <FlowSource name={name} latest={version} /> },
    { id: "versions", label: "Versions", content: <FlowVersions name={name} latest={version} /> },
    ...(mayRead ? [{ id: "runs", label: "Runs", content: <FlowRuns name={name} /> }] : []),
  ];
  const tab = tabs.some((each) => each.id === hash) ? hash : "graph";
  const description = typeof document.description === "string" ? document.description : "";
  return (
    <>
      <PageHead
        title={name}
        beside={
          <>
            <Badge>version {version}</Badge>
            {archived && <Badge tone="busy">archived</Badge>}
          </>
        }
        actions={<Actions name={name} version={version} archived={archived} />}
      />
      {description && <p className="mb-3 max-w-prose text-soft">{description}</p>}
      <Tabs
        label={`About ${name}`}
        tabs={tabs.map((each) => ({ ...each, content: <div className="pt-4">{each.content}</div> }))}
        value={tab}
        onChange={(id) => void navigate({ to: "/flows/$name", params: { name }, hash: id, replace: true })}
      />
    </>
  );
}

function Actions({ name, version, archived }: { name: string; version: number; archived: boolean }) {
  const mayWrite = useMay("flows:write");
  const queries = useQueryClient();
  const [editing, setEditing] = useState(false);
  const text = useQuery({ ...textQuery(name, version), enabled: editing });
  const put = useMutation({
    mutationFn: () =>
      body(
        api.POST(archived ? "/v1/flows/{name}/restore" : "/v1/flows/{name}/archive", { params: { path: { name } } }),
      ),
    onSuccess: () => {
      say(archived ? `${name} is back.` : `${name} is put away: it starts no run, and its schedules rest.`);
      void queries.invalidateQueries({ queryKey: ["flows"] });
    },
    onError: sayProblem,
  });
  if (!mayWrite) return null;
  const Icon = archived ? ArchiveRestore : Archive;
  return (
    <>
      <Button onClick={() => setEditing(true)}>
        <Pencil size={15} aria-hidden /> Edit
      </Button>
      <Button disabled={put.isPending} onClick={() => put.mutate()}>
        <Icon size={15} aria-hidden /> {archived ? "Restore" : "Archive"}
      </Button>
      {editing && text.data !== undefined && <FlowEditor text={text.data} onClose={() => setEditing(false)} />}
      {editing && text.isError && <Failure error={text.error} retry={() => void text.refetch()} />}
    </>
  );
}

function Picture({ name, version }: { name: string; version: number }) {
  const graph = useQuery({
    queryKey: ["flows", name, "graph", version],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => body(api.GET("/v1/flows/{name}/graph", { params: { path: { name }, query: { version } } })),
  });
  if (graph.isLoadingError) return <Failure error={graph.error} retry={() => void graph.refetch()} />;
  if (!graph.data) return <p className="text-soft">Loading…</p>;
  return (
    <>
      <FlowGraph graph={graph.data} className="h-[60dvh] rounded-lg border bg-card" />
      {!graph.data.complete && <p className="mt-2 text-soft">The flow is so large that some sub-flows stay closed.</p>}
    </>
  );
}

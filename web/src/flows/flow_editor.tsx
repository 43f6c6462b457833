import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleCheck, FolderOpen, Save } from "lucide-react";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { FlowGraph } from "@/graph/flow_graph";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { say, sayProblem } from "@/ui/toasts";
import { saveText, validateText } from "./documents";
import { ProblemList, type SourceHandle, SourceView } from "./source_view";

const PAUSE_MS = 400;
const MOST_BYTES = 1 << 20; // what the server takes

const STARTER = `flow: my-flow
input:
  topic: {type: string, maxLength: 400}
agents:
  writer:
    model: strong
    prompt: |
      Write three sentences about {{ topic }}.
steps:
  draft: {agent: writer, input: {topic: "{{ input.topic }}"}}
output: "{{ draft }}"
`;

/** Where a flow is written, pasted or dropped: checked as one types, stored as the next version. */
export function FlowEditor({ text: given, onClose }: { text?: string; onClose: () => void }) {
  const [text, setText] = useState(given ?? STARTER);
  const settled = useSettled(text);
  const source = useRef<SourceHandle>(null);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const check = useQuery({
    queryKey: ["flow-check", settled],
    enabled: settled.trim() !== "",
    placeholderData: keepPreviousData,
    gcTime: 60_000,
    queryFn: ({ signal }) => validateText(settled, signal),
  });
  const save = useMutation({
    mutationFn: () => saveText(text),
    onSuccess: (stored) => {
      void queries.invalidateQueries({ queryKey: ["flows"] });
      say(`Stored as version ${stored.version} of ${stored.name}.`);
      onClose();
      void navigate({ to: "/flows/$name", params: { name: stored.name } });
    },
  });
  const current = settled === text && check.isSuccess && !check.isPlaceholderData;
  const problems = check.data?.problems ?? [];
  const take = async (file: File | undefined) => {
    if (!file) return;
    if (file.size > MOST_BYTES)
      return sayProblem(new Error(`${file.name} is larger than the 1 MiB that a flow may have.`));
    setText(await file.text());
  };
  return (
    <Dialog open onClose={onClose} title={given === undefined ? "New flow" : "Edit the flow"} wide>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is one way of several */}
      <div
        className="flex flex-col gap-3"
        onDragOver={(event: DragEvent) => event.preventDefault()}
        onDrop={(event: DragEvent) => {
          if (event.dataTransfer.files.length === 0) return;
          event.preventDefault();
          void take(event.dataTransfer.files[0]);
        }}
      >
        <p className="text-soft">Write or paste YAML or JSON here, or drop a file. Prompts are texts in it.</p>
        <SourceView
          label="The flow's text"
          text={text}
          onChange={setText}
          problems={problems}
          handle={source}
          className="h-[40dvh]"
        />
        <div aria-live="polite">
          {check.isError && <Failure error={check.error} retry={() => void check.refetch()} />}
          {problems.length > 0 && (
            <ProblemList problems={problems} onChoose={({ line, column }) => source.current?.goTo(line, column)} />
          )}
          {current && check.data.valid && (
            <p className="flex items-center gap-1.5 text-good">
              <CircleCheck size={15} aria-hidden /> {check.data.name} is a flow.
            </p>
          )}
        </div>
        {check.data?.graph && <FlowGraph graph={check.data.graph} className="h-52 rounded-md border" />}
        {save.isError && <Failure error={save.error} />}
        <div className="flex flex-wrap gap-2">
          <Button look="main" disabled={!current || !check.data?.valid || save.isPending} onClick={() => save.mutate()}>
            <Save size={15} aria-hidden /> {save.isPending ? "Storing…" : "Store"}
          </Button>
          <OpenFile onFile={(file) => void take(file)} />
        </div>
      </div>
    </Dialog>
  );
}

function OpenFile({ onFile }: { onFile: (file: File | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        accept=".yaml,.yml,.json"
        onChange={(event) => {
          onFile(event.target.files?.[0]);
          event.target.value = "";
        }}
      />
      <Button onClick={() => input.current?.click()}>
        <FolderOpen size={15} aria-hidden /> Open a file
      </Button>
    </>
  );
}

/** The text once nothing was typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

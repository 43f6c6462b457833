import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Upload } from "lucide-react";
import { useRef } from "react";
import { useMay } from "@/shell/me";
import { Button, type ButtonProps } from "@/ui/button";
import { say, sayProblem } from "@/ui/toasts";
import { handIn } from "./data";

const MOST_BYTES = 2_000_000;

/** Chooses a file of reviews and hands it in. */
export function ImportButton({ look = "plain" }: { look?: NonNullable<ButtonProps["look"]> }) {
  const may = useMay("apps:write");
  const chooser = useRef<HTMLInputElement>(null);
  const queries = useQueryClient();
  const taken = useMutation({
    mutationFn: handIn,
    onSuccess: (_begun, file) => {
      say(`${file.name} is being taken in.`);
      return queries.invalidateQueries({ queryKey: ["reviewapp"] });
    },
    onError: sayProblem,
  });
  if (!may) return null;
  const choose = (file: File | undefined) => {
    if (!file) return;
    if (file.size > MOST_BYTES) {
      say(`${file.name} is larger than 2 MB. Split it, and import the parts.`, { tone: "bad" });
    } else taken.mutate(file);
  };
  return (
    <>
      <input
        ref={chooser}
        type="file"
        accept=".csv,.jsonl,.ndjson,text/csv,application/x-ndjson"
        className="hidden"
        aria-label="A file of reviews"
        onChange={(event) => {
          choose(event.target.files?.[0]);
          event.target.value = ""; // the same file may be chosen again
        }}
      />
      <Button
        look={look}
        disabled={taken.isPending}
        title="CSV with a head, or JSON lines; at most 2 MB"
        onClick={() => chooser.current?.click()}
      >
        <Upload size={14} aria-hidden /> {taken.isPending ? "Importing…" : "Import a file"}
      </Button>
    </>
  );
}

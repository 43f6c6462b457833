import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Failure } from "@/ui/failure";
import { textQuery, validateText } from "./documents";
import { ProblemList, type SourceHandle, SourceView } from "./source_view";
import { useVersions, VersionSelect } from "./versions";

/** The text of a version, to be read, with what this server finds wrong with it today. */
export function FlowSource({ name, latest }: { name: string; latest: number }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const version = chosen ?? latest;
  const versions = useVersions(name);
  const source = useRef<SourceHandle>(null);
  const text = useQuery(textQuery(name, version));
  const check = useQuery({
    queryKey: ["flow-check", text.data],
    enabled: text.data !== undefined,
    queryFn: ({ signal }) => validateText(text.data ?? "", signal),
  });
  const problems = check.data?.problems ?? [];
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-center gap-2">
        <VersionSelect label="Version" versions={versions.data ?? [latest]} value={version} onChange={setChosen} />
      </div>
      {text.isError && <Failure error={text.error} retry={() => void text.refetch()} />}
      {text.data !== undefined && (
        <SourceView
          label={`Text of version ${version}`}
          text={text.data}
          problems={problems}
          handle={source}
          className="h-[60dvh]"
        />
      )}
      {problems.length > 0 && (
        <ProblemList problems={problems} onChoose={({ line, column }) => source.current?.goTo(line, column)} />
      )}
    </div>
  );
}

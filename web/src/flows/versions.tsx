import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { api, body, type Schemas } from "@/api/client";
import { Select } from "@/ui/field";

type Version = Schemas["FlowVersionShown"];

/** A flow's versions, latest first. */
export function useVersionList(name: string) {
  return useQuery({
    queryKey: ["flows", name, "versions"],
    queryFn: async (): Promise<Version[]> =>
      (await body(api.GET("/v1/flows/{name}/versions", { params: { path: { name }, query: { limit: 200 } } })))
        .versions,
  });
}

/** Their numbers. */
export function useVersions(name: string) {
  const list = useVersionList(name);
  return { ...list, data: list.data?.map((each) => each.version) };
}

/** Chooses one of a flow's versions. */
export function VersionSelect({
  label,
  versions,
  value,
  onChange,
}: {
  label: string;
  versions: readonly number[];
  value: number;
  onChange: (version: number) => void;
}) {
  const id = useId();
  return (
    <span className="inline-flex items-center gap-2">
      <label htmlFor={id} className="text-soft">
        {label}
      </label>
      <Select id={id} value={String(value)} onChange={(event) => onChange(Number(event.target.value))}>
        {versions.map((version) => (
          <option key={version}>{version}</option>
        ))}
      </Select>
    </span>
  );
}

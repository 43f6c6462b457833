import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import type { Key } from "./series";

/** What was used, told apart by keys, since a day. */
export function usageQuery(by: readonly Key[], since: string) {
  const keys = [...new Set(by)].join(",");
  return queryOptions({
    queryKey: ["usage", keys, since],
    refetchInterval: 15_000,
    queryFn: async () => {
      const found = await body(api.GET("/v1/usage", { params: { query: { by: keys, since } } }));
      return found as Schemas["UsageList"]; // the client accepts JSON; CSV is asked for by name
    },
  });
}

/** The same as CSV, as the server writes it. */
export async function usageCsv(by: readonly Key[], since: string): Promise<Blob> {
  const keys = [...new Set(by)].join(",");
  const found = await api.GET("/v1/usage", {
    params: { query: { by: keys, since } },
    headers: { accept: "text/csv" },
    parseAs: "blob",
  });
  return found.data ?? new Blob();
}

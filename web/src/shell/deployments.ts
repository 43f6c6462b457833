import { queryOptions } from "@tanstack/react-query";
import { api, body } from "@/api/client";

/** Who answers model calls; the file that says so may change while the server runs. */
export const deploymentsQuery = queryOptions({
  queryKey: ["deployments"],
  refetchInterval: 30_000,
  queryFn: () => body(api.GET("/v1/deployments")),
});

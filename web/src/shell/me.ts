import { queryOptions, useQuery } from "@tanstack/react-query";
import { keepCsrfToken } from "@/api/access";
import { api, body, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";

export interface Account {
  me: Schemas["Me"];
  session: Schemas["SessionShown"] | null;
}

/** Who asks; a session's token for changes is kept on the way. */
export const accountQuery = queryOptions({
  queryKey: ["account"],
  staleTime: 60_000,
  retry: (times: number, error: unknown) => times < 3 && asProblem(error).passes,
  queryFn: async (): Promise<Account> => {
    const me = await body(api.GET("/v1/me"));
    if (me.via !== "session") return { me, session: null };
    const session = await body(api.GET("/auth/session"));
    keepCsrfToken(session.csrf_token);
    return { me, session };
  },
});

/** The tenants of who asks: of a person who has logged in, all where he is a member. */
export function useTenants(): readonly Schemas["TenantOfMine"][] {
  const { data: account } = useQuery(accountQuery);
  const { data } = useQuery({
    queryKey: ["tenants"],
    staleTime: 300_000,
    enabled: account?.me.via === "session" || account?.me.via === "token",
    queryFn: () => body(api.GET("/v1/tenants")),
  });
  return data?.tenants ?? [];
}

/** Whether who asks has a permission; false until that is known. */
export function useMay(permission: string): boolean {
  const { data } = useQuery(accountQuery);
  return data?.me.permissions.some((each) => each === permission) ?? false;
}

import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { accountQuery } from "@/shell/me";
import { say, sayProblem } from "@/ui/toasts";
import { grantable, type Role } from "./rights";

/** The one table of who may do what. */
export const rolesQuery = queryOptions({
  queryKey: ["roles"],
  staleTime: 3_600_000,
  queryFn: () => body(api.GET("/v1/roles")),
});

/** The roles that who looks at the page may give. */
export function useGrantable(): Role[] {
  const { data: account } = useQuery(accountQuery);
  const { data: roles } = useQuery(rolesQuery);
  return account && roles ? grantable(roles, account.me.permissions) : [];
}

/** Does something to a list, says so, and looks at the list again; a failure is said with what to do. */
export function useAct<Input, Output>(
  list: string,
  act: (input: Input) => Promise<Output>,
  options: { told?: (output: Output, input: Input) => string; done?: (output: Output) => void } = {},
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (output, input) => {
      const told = options.told?.(output, input);
      if (told) say(told);
      options.done?.(output);
    },
    onError: sayProblem,
    onSettled: () => queries.invalidateQueries({ queryKey: [list] }),
  });
}

import { useQuery } from "@tanstack/react-query";
import { accountQuery } from "@/shell/me";
import { Failure } from "@/ui/failure";
import { Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { rolesQuery } from "./data";

/** The table of roles: who may do what. */
export function Roles() {
  const { data, error, refetch } = useQuery(rolesQuery);
  const { data: account } = useQuery(accountQuery);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <p className="text-soft">Loading…</p>;
  return (
    <Panel title="Who may do what" flush actions={account && <span className="text-soft">You: {account.me.role}</span>}>
      <Table
        caption="Roles and their permissions"
        left={2}
        heads={["Permission", "Allows to", ...data.roles]}
        rows={data.permissions.map((each) => ({
          key: each.permission,
          cells: [
            <code key="name" className="font-mono text-xs whitespace-nowrap">
              {each.permission}
            </code>,
            each.allows,
            ...data.roles.map((role) =>
              each.roles.includes(role) ? (
                <span key={role} className="text-good">
                  <span aria-hidden>✓</span>
                  <span className="sr-only">yes</span>
                </span>
              ) : (
                <span key={role} className="sr-only">
                  no
                </span>
              ),
            ),
          ],
        }))}
      />
    </Panel>
  );
}

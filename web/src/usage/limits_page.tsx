import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, body } from "@/api/client";
import { useMay } from "@/shell/me";
import { Failure } from "@/ui/failure";
import { PageHead } from "@/ui/panel";
import { Budgets } from "./budgets";
import { Caches } from "./caches";
import { Buckets, Health, Quotas } from "./limits_now";

/** What there is to be had now, and of what: budgets, buckets, quotas, deployments, caches. */
export default function LimitsPage() {
  const mayUsage = useMay("usage:read");
  const mayLimits = useMay("limits:read");
  const found = useQuery({
    queryKey: ["limits"],
    refetchInterval: 2_000,
    enabled: mayLimits,
    queryFn: () => body(api.GET("/v1/limits")),
  });
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4">
      <PageHead
        title="Limits and budgets"
        beside={
          mayUsage && (
            <Link to="/usage" className="text-accent underline">
              Usage
            </Link>
          )
        }
      />
      {!mayLimits && <p className="text-soft">Your rights do not reach this far: ask for `limits:read`.</p>}
      {mayLimits && found.isPending && <p className="text-soft">Loading…</p>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <>
          <Budgets budgets={found.data.budgets} spending={found.data.spending} />
          <Buckets limits={found.data.limits} />
          <Quotas />
          <Health deployments={found.data.deployments} />
          {mayUsage && <Caches caches={found.data.caches} />}
        </>
      )}
    </div>
  );
}

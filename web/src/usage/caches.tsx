import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { deploymentsQuery } from "@/shell/deployments";
import { brief, count, dollars } from "@/ui/amounts";
import { Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { usageQuery } from "./data";
import { answered, discounted } from "./savings";
import { firstDay } from "./series";

const DAYS = 30;

/** What caches have saved: what is measured, and what is reckoned from it. */
export function Caches({ caches }: { caches: Schemas["CacheShown"][] }) {
  const since = firstDay(DAYS, new Date());
  const routes = useQuery(usageQuery(["route"], since));
  const tokens = useQuery(usageQuery(["deployment"], since));
  const { data: known } = useQuery(deploymentsQuery);
  const saved = answered(routes.data?.rows ?? []);
  const less = discounted(tokens.data?.rows ?? [], known?.deployments ?? []);
  const money = (amount: number | null) => (amount === null ? "not known" : `about ${dollars(amount)}`);
  return (
    <Panel title="Caches" flush>
      {saved.length === 0 ? (
        <p className="p-4 text-soft">
          In the last {DAYS} days no call was answered from a cache. Routes keep answers where stretto.yaml says
          `cache`.
        </p>
      ) : (
        <Table
          caption="Answers from the cache, by route"
          heads={["Route", `Answered in ${DAYS} days`, "Calls made", "Saved"]}
          rows={saved.map((each) => ({
            key: each.route,
            cells: [each.route, count(each.cached), count(each.made), money(each.savedUsd)],
          }))}
        />
      )}
      {less.length > 0 && (
        <Table
          caption="Input from providers’ caches"
          className="border-t"
          heads={["Deployment", "Cached input", "Of all input", "Saved"]}
          rows={less.map((each) => ({
            key: each.deployment,
            cells: [
              each.deployment,
              `${brief(each.cachedTokens)} tokens`,
              `${Math.round(each.share * 100)} %`,
              money(each.savedUsd),
            ],
          }))}
        />
      )}
      {caches.length > 0 && (
        <Table
          caption="How often routes’ caches answer"
          className="border-t"
          heads={["Route", "Asked since the start", "The same request", "A like one", "Answered"]}
          rows={caches.map((each) => ({
            key: each.route,
            cells: [
              each.route,
              count(each.asked),
              count(each.exact),
              count(each.semantic),
              `${Math.round(each.rate * 100)} %`,
            ],
          }))}
        />
      )}
      <p className="border-t px-4 py-3 text-xs text-soft">
        Calls and tokens are counted by the ledger. What was saved is reckoned: an answer from the cache at the mean
        cost of the calls made on its route, cached input at the prices of today.
        {caches.length > 0 && " “Since the start” is that of the process that answers."}
      </p>
    </Panel>
  );
}

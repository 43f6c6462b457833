import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { accountQuery, useMay, useTenants } from "@/shell/me";
import { brief, count, dollars } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/failure";
import { Select } from "@/ui/field";
import { Empty, PageHead, Panel } from "@/ui/panel";
import { save } from "@/ui/save";
import { sayProblem } from "@/ui/toasts";
import { usageCsv, usageQuery } from "./data";
import { type Days, dayOf, daysBetween, firstDay, KEYS, MEASURES, type Measure, seriesOf, sum } from "./series";
import { ByDay, ByKey } from "./usage_tables";

const PERIODS = [1, 7, 30, 90, 365];
const FORMATS: Record<Measure, (value: number) => string> = { cost: dollars, tokens: brief, calls: brief };
const UsageChart = lazy(() => import("./usage_chart"));

/** What was used and what it cost, by day and by a key. */
export default function UsagePage() {
  const { by, days, chosen, change } = useAddress();
  const tenants = useTenants();
  const since = firstDay(days, new Date());
  const daily = useQuery({ ...usageQuery(["day", by], since), placeholderData: keepPreviousData });
  const summed = useQuery({ ...usageQuery([by], since), placeholderData: keepPreviousData });
  const show = chosen ?? (isFree(summed.data) ? "tokens" : "cost");
  const data = useMemo(
    () => seriesOf(daily.data?.rows ?? [], by, show, daysBetween(since, dayOf(new Date()))),
    [daily.data, by, show, since],
  );
  const csv = useMutation({
    mutationFn: () => usageCsv(["day", by], since),
    onSuccess: (file) => save(file, `usage-by-${by}-since-${since}.csv`),
    onError: sayProblem,
  });
  const mayLimits = useMay("limits:read");
  const mayStart = useMay("runs:start");
  const { data: account } = useQuery(accountQuery);
  const error = daily.error ?? summed.error;
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4">
      <PageHead
        title="Usage"
        beside={
          mayLimits && (
            <Link to="/usage/limits" className="text-accent underline">
              Limits and budgets
            </Link>
          )
        }
        actions={
          <>
            <Select aria-label="What is shown" value={show} onChange={(event) => change({ show: event.target.value })}>
              {MEASURES.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </Select>
            <Select aria-label="Told apart by" value={by} onChange={(event) => change({ by: event.target.value })}>
              {KEYS.filter((each) => each !== "tenant" || tenants.length > 1 || by === "tenant").map((each) => (
                <option key={each} value={each}>
                  by {each}
                </option>
              ))}
            </Select>
            <Select
              aria-label="Of how many days"
              value={days}
              onChange={(event) => change({ days: Number(event.target.value) })}
            >
              {PERIODS.map((each) => (
                <option key={each} value={each}>
                  {each === 1 ? "today" : `${each} days`}
                </option>
              ))}
            </Select>
            <Button disabled={csv.isPending} onClick={() => csv.mutate()}>
              <Download size={14} aria-hidden /> CSV
            </Button>
          </>
        }
      />
      {error && <Failure error={error} retry={() => void Promise.all([daily.refetch(), summed.refetch()])} />}
      {!error && (daily.isPending || summed.isPending) && <p className="text-soft">Loading…</p>}
      {daily.data && summed.data && summed.data.total.calls === 0 && (
        <Empty title="No model was called in these days.">Choose more days{mayStart && ", or start a run"}.</Empty>
      )}
      {daily.data && summed.data && summed.data.total.calls > 0 && (
        <>
          <Drawn data={data} show={show} />
          <ByKey by={by} usage={summed.data} />
          {by !== "day" && <ByDay data={data} format={FORMATS[show]} />}
          <p className="text-xs text-soft">
            {by === "tenant"
              ? "What the tenants have used in which you may see usage."
              : `What the tenant ${account?.me.tenant.name} has used.`}{" "}
            Days are those of UTC, from {since} on. Costs are those of the ledger, at the price of each call’s time.
          </p>
        </>
      )}
    </div>
  );
}

/** The chart, and what its colours mean on the day that is pointed at, or in all. */
function Drawn({ data, show }: { data: Days; show: Measure }) {
  const [day, setDay] = useState<number | null>(null);
  const format = FORMATS[show];
  const at = day !== null && day < data.days.length ? day : null;
  const label = `A chart of ${show} by day, from ${data.days[0]} to ${data.days[data.days.length - 1]}; the tables beneath say the same.`;
  return (
    <Panel title={<span className="capitalize">{show}</span>} actions={<Pointed days={data.days} at={at} />}>
      <Suspense fallback={<div className="h-[260px]" />}>
        <UsageChart data={data} format={format} label={label} onDay={setDay} />
      </Suspense>
      <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs">
        {data.series.map((each, index) => (
          <li key={each.name} className="flex items-center gap-1.5">
            <span className="size-2.5 rounded-sm" style={{ background: `var(--voice-${index + 1})` }} aria-hidden />
            {each.name}{" "}
            <span className="text-soft tabular-nums">
              {format(at === null ? sum(each.values) : (each.values[at] ?? 0))}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Pointed({ days, at }: { days: readonly string[]; at: number | null }) {
  const whole = days.length === 1 ? "today" : `${count(days.length)} days`;
  return <span className="text-xs text-soft tabular-nums">{at === null ? whole : days[at]}</span>;
}

function useAddress() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const go = useNavigate();
  const by = KEYS.find((each) => each === search.by) ?? "model";
  const chosen = MEASURES.find((each) => each === search.show);
  const days = PERIODS.find((each) => each === Number(search.days)) ?? 30;
  const change = (to: Record<string, string | number>) =>
    void go({ to: "/usage", replace: true, search: { by, days, ...(chosen ? { show: chosen } : {}), ...to } as never });
  return { by, chosen, days, change };
}

/** Whether all that was used cost nothing, as the simulated provider and models on this machine do. */
function isFree(used: Schemas["UsageList"] | undefined): boolean {
  return used !== undefined && used.total.calls > 0 && Number(used.total.cost_usd) === 0;
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { useMay } from "@/shell/me";
import { dollars, Time } from "@/ui/amounts";
import { Meter } from "@/ui/meter";
import { Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { usageQuery } from "./data";
import { type Outlook, outlook, PACE_DAYS, type Pace, paceOf, paceTold } from "./pace";
import { firstDay, nameOf } from "./series";

type Budget = Schemas["BudgetShown"];

/** Budgets with what is left, and when the month's runs out at the pace of the last days. */
export function Budgets({ budgets, spending }: { budgets: Budget[]; spending: Schemas["SpendingShown"] }) {
  const mayUsage = useMay("usage:read");
  const daily = useQuery({ ...usageQuery(["day"], firstDay(PACE_DAYS + 1, new Date())), enabled: mayUsage });
  const costs = new Map(daily.data?.rows.map((row) => [nameOf(row, "day"), Number(row.cost_usd)]));
  const pace = daily.data ? paceOf(costs, new Date()) : null;
  const monthly = budgets.some((each) => each.kind === "month" && each.limit_usd !== null);
  return (
    <Panel title="Budgets" flush>
      {budgets.length === 0 ? (
        <p className="p-4 text-soft">
          There is none. Set one as `budgets` in stretto.yaml, or `budget` in a flow or a step.
        </p>
      ) : (
        <Table
          caption="Budgets"
          heads={["Budget", "Left", "", "Spent", "Held", "Of", "Runs out"]}
          rows={budgets.map((each) => ({
            key: `${each.kind} ${each.name}`,
            cells: [
              <Name key="name" budget={each} />,
              each.left_usd === null ? "no end" : dollars(each.left_usd),
              each.left_usd !== null && each.limit_usd !== null && (
                <Meter
                  key="meter"
                  label={`Left of the ${each.kind}’s budget`}
                  left={Number(each.left_usd)}
                  of={Number(each.limit_usd)}
                />
              ),
              <span key="spent" title={`$${each.spent_usd}`}>
                {dollars(each.spent_usd)}
              </span>,
              <span key="held" title="Reserved for calls under way, and presumed for those whose end is not known">
                {dollars(Number(each.reserved_usd) + Number(each.presumed_usd))}
              </span>,
              each.limit_usd === null ? "–" : dollars(each.limit_usd),
              <When key="when" budget={each} pace={pace} known={daily.isSuccess} />,
            ],
          }))}
        />
      )}
      <div className="flex flex-col gap-1 border-t px-4 py-3 text-xs text-soft">
        {monthly && daily.isSuccess && <p>{paceTold(pace, dollars)} A month’s budget begins anew on the 1st (UTC).</p>}
        <p>
          Tools have spent {dollars(spending.spent_usd)} this month on other things than models
          {Number(spending.held_usd) > 0 && `, and hold ${dollars(spending.held_usd)}`};{" "}
          {spending.limit_usd === null ? "more they may not spend." : `they may spend ${dollars(spending.limit_usd)}.`}
        </p>
      </div>
    </Panel>
  );
}

function Name({ budget: { kind, name } }: { budget: Budget }) {
  if (kind === "month") return <>{name}</>;
  const [runId = "", ...step] = name.split("/");
  return (
    <>
      {kind}{" "}
      <Link to="/runs/$runId" params={{ runId }} className="text-accent underline">
        {[runId.slice(-8), ...step].join("/")}
      </Link>
    </>
  );
}

function When({ budget, pace, known }: { budget: Budget; pace: Pace | null; known: boolean }) {
  if (budget.left_usd === null) return <>never</>;
  const spent = Number(budget.left_usd) <= 0;
  if (budget.kind !== "month") return <>{spent ? <b className="text-bad">it is spent</b> : "–"}</>;
  if (!known && !spent) return <>–</>;
  return <Told outlook={outlook(Number(budget.left_usd), pace, new Date())} />;
}

function Told({ outlook: seen }: { outlook: Outlook }) {
  if (seen.kind === "spent") return <b className="text-bad">it is spent</b>;
  if (seen.kind === "no pace") return <span className="text-soft">no pace yet</span>;
  if (seen.kind === "lasts") return <span className="text-good">not this month</span>;
  return (
    <b className="text-busy">
      <Time at={seen.at} relative />
    </b>
  );
}

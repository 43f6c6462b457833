import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "@/shell/me";
import { count, dollars, Time } from "@/ui/amounts";
import { Dialog } from "@/ui/dialog";
import { Failure } from "@/ui/failure";
import { heads } from "@/ui/long_list";
import { PagedTable } from "@/ui/pages";
import { Empty, Panel } from "@/ui/panel";
import { Badge } from "@/ui/status";
import { ACTION_FLOW, type Action, actionsQuery, type Customer, customersQuery, waitingQuery } from "./data";
import { EnginePage } from "./engine_page";

/** Customers with their points, and decisions about points that wait for a person. */
export default function CustomersPage() {
  const found = useInfiniteQuery(customersQuery);
  const [open, setOpen] = useState<Customer | null>(null);
  const mayReviews = useMay("reviews:read");
  return (
    <EnginePage title="Customers and points">
      {mayReviews && <Waiting />}
      <PagedTable
        query={found}
        items={(page) => page.customers}
        empty={
          <Empty title="No review names its customer.">
            Reviews with a <code>customer</code> make one, by the e-mail address.
          </Empty>
        }
        label="Customers"
        heads={heads("Customer", "Programme", "Points", "Reviews", "Purchases", "Spent")}
        columns={{ grid: "grid-cols-[minmax(12rem,2fr)_7rem_5rem_5rem_6rem_7rem]", least: "min-w-[46rem]" }}
        className="h-[calc(100dvh-20rem)] min-h-80 rounded-lg"
        keyOf={(customer) => customer.id}
        cells={(customer) => cells(customer, () => setOpen(customer))}
      />
      <Dialog open={open !== null} onClose={() => setOpen(null)} title={open?.name || open?.email || "Customer"} wide>
        {open && <Opened customer={open} />}
      </Dialog>
    </EnginePage>
  );
}

function cells(customer: Customer, open: () => void) {
  return [
    <span key="name">
      <button type="button" className="font-medium hover:underline" onClick={open}>
        {customer.name || customer.email}
      </button>{" "}
      <span className="text-xs text-soft">{customer.name ? customer.email : ""}</span>
    </span>,
    customer.account_status !== "active" ? (
      <Badge key="joined" tone="bad">
        {customer.account_status}
      </Badge>
    ) : (
      <Badge key="joined" tone={customer.opted_into_loyalty ? "good" : "soft"}>
        {customer.opted_into_loyalty ? "joined" : "not joined"}
      </Badge>
    ),
    <span key="points" className="font-semibold tabular-nums">
      {count(customer.loyalty_points)}
    </span>,
    count(customer.reviews),
    count(customer.purchases),
    dollars(customer.spent),
  ];
}

/** What waits in the inbox. */
function Waiting() {
  const { data } = useQuery(waitingQuery);
  if (!data) return null;
  const many = data.reviews.length;
  const more = data.next !== null;
  return (
    <Panel
      title="Items waiting"
      actions={
        many > 0 && (
          <Link to="/reviews" search={{ flow: ACTION_FLOW } as never} className="text-accent underline">
            Open the inbox
          </Link>
        )
      }
    >
      {many === 0 ? (
        <p className="text-soft">
          Nobody is waited for. Points for a review whose fraud score is above 0.7 are decided by a person, in the
          inbox.
        </p>
      ) : (
        <p>
          {many === 1 && !more ? "One review waits" : `${many}${more ? " and more" : ""} reviews wait`} for somebody to
          decide whether its customer gets points; the oldest since <Time at={oldest(data.reviews)} relative />.
        </p>
      )}
    </Panel>
  );
}

function oldest(reviews: readonly { created_at: string }[]): string {
  return reviews.map((each) => each.created_at).sort()[0] ?? "";
}

/** A customer, and what came of the reviews. */
function Opened({ customer }: { customer: Customer }) {
  const found = useQuery(actionsQuery(customer.id));
  return (
    <div className="flex flex-col gap-4">
      <p className="text-soft">
        {customer.email} · {count(customer.loyalty_points)} points · {dollars(customer.spent)} in{" "}
        {count(customer.purchases)} purchases
        {customer.average_order !== null && <>, {dollars(customer.average_order)} each</>} · since{" "}
        <Time at={customer.created_at} />
      </p>
      <h3 className="font-semibold">What came of the reviews</h3>
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <p className="text-soft">Loading…</p>}
      {found.data?.actions.length === 0 && <p className="text-soft">Nothing yet.</p>}
      <ul className="divide-y">
        {found.data?.actions.map((action) => (
          <OneAction key={action.review_id} action={action} />
        ))}
      </ul>
    </div>
  );
}

function OneAction({ action }: { action: Action }) {
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
      <Badge tone={action.outcome === "awarded" ? "good" : "soft"}>
        {action.outcome === "awarded" ? `${count(action.points)} points` : "no points"}
      </Badge>
      <span className="min-w-0 flex-1">
        {action.reasons.join("; ") || "it meets all rules"}{" "}
        <span className="text-xs text-soft">
          decided by {action.decided_by}
          {action.fraud_score !== null && <>, fraud score {action.fraud_score.toFixed(2)}</>}, <Time at={action.at} />
        </span>
      </span>
      <Link
        to="/apps/reviews/reviews"
        search={{ review: action.review_id } as never}
        className="text-[13px] text-accent underline"
      >
        Its review
      </Link>
    </li>
  );
}

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { count } from "@/ui/amounts";
import { Select } from "@/ui/field";
import { Panel } from "@/ui/panel";
import { Table } from "@/ui/table";
import { WIDTHS, type Width, widthFor } from "./buckets";
import { figure, sentimentColour, share } from "./colours";
import { importsQuery, type Overview, overviewQuery, type Product, SAMPLES } from "./data";
import { EnginePage } from "./engine_page";
import { ImportButton } from "./import_button";
import { Imports } from "./imports";
import { usePulse } from "./live";
import { Narrow } from "./review_sheet";
import { Sentiment, Stars } from "./sentiment";
import { Themes } from "./themes";
import { Timeline } from "./timeline";

const PERIODS = [30, 90, 365, 1095];

/** How many reviews there are, how they judge, and what they speak of. */
export default function OverviewPage() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const go = useNavigate();
  const days = PERIODS.find((each) => each === Number(search.days)) ?? 365;
  const [chosen, setChosen] = useState<Width | null>(null);
  const { data } = useQuery({ ...overviewQuery(days), placeholderData: keepPreviousData });
  const pulse = usePulse();
  return (
    <EnginePage
      title="Review engine"
      actions={
        <>
          {pulse && (
            <span className="flex items-center gap-1.5 text-xs text-soft">
              <span className="size-2 animate-pulse rounded-full bg-good" aria-hidden /> live
            </span>
          )}
          <ImportButton />
        </>
      }
    >
      <RealTexts />
      {data && (
        <>
          <Totals totals={data.totals} points={pulse?.points ?? null} />
          <Timeline
            days={data.days}
            width={chosen ?? widthFor(days)}
            actions={
              <>
                <Select
                  aria-label="Of how many days"
                  value={days}
                  onChange={(event) => {
                    const search = { days: Number(event.target.value) } as never;
                    void go({ to: "/apps/reviews", replace: true, search });
                  }}
                >
                  {PERIODS.map((each) => (
                    <option key={each} value={each}>
                      {each === 1095 ? "three years" : each === 365 ? "a year" : `${each} days`}
                    </option>
                  ))}
                </Select>
                <Select
                  aria-label="Put together by"
                  value={chosen ?? widthFor(days)}
                  onChange={(event) => setChosen(event.target.value as Width)}
                >
                  {WIDTHS.map((each) => (
                    <option key={each} value={each}>
                      by {each}
                    </option>
                  ))}
                </Select>
              </>
            }
          />
          <div className="grid items-start gap-4 lg:grid-cols-2">
            <Themes themes={data.themes} />
            <div className="flex min-w-0 flex-col gap-4">
              <Imports />
              <Products products={data.products} />
            </div>
          </div>
        </>
      )}
    </EnginePage>
  );
}

/** Says what of the samples is real. */
function RealTexts() {
  const { data } = useQuery(importsQuery);
  if (!data?.imports.some((each) => each.name === SAMPLES)) return null;
  return (
    <p role="note" className="rounded-md bg-note px-3 py-2">
      You are looking at the sample reviews. Their <strong>texts are real</strong>; customers, places, days and stars
      are <strong>made up</strong>.
    </p>
  );
}

function Totals({ totals, points }: { totals: Overview["totals"]; points: number | null }) {
  const judged = totals.analysed;
  return (
    <section aria-label="Totals">
      <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line sm:grid-cols-3 xl:grid-cols-6">
        <Big name="Reviews" value={count(totals.reviews)}>
          {totals.indexed < judged
            ? `${count(totals.indexed)} of ${count(judged)} can be searched yet`
            : "all that count can be searched"}
        </Big>
        <Big
          name="Mean sentiment"
          value={figure(totals.sentiment)}
          colour={totals.sentiment === null ? undefined : sentimentColour(totals.sentiment)}
        >
          of 0 (worst) to 5 (best)
        </Big>
        <Big name="Mean stars" value={figure(totals.rating)}>
          of 1 to 5
        </Big>
        <Big name="Positive" value={share(totals.positive, judged)} colour="var(--high)">
          {count(totals.positive)} above 3
        </Big>
        <Big name="Negative" value={share(totals.negative, judged)} colour="var(--low)">
          {count(totals.negative)} below 2
        </Big>
        <Big name="Set aside" value={count(totals.duplicates + totals.spam)}>
          {count(totals.duplicates)} duplicates, {count(totals.spam)} suspected spam
          {points !== null && <>; {count(points)} points given</>}
        </Big>
      </dl>
    </section>
  );
}

function Big({
  name,
  value,
  colour,
  children,
}: {
  name: string;
  value: string;
  colour?: string | undefined;
  children: ReactNode;
}) {
  return (
    <div className="flex flex-col bg-card px-4 py-3">
      <dt className="text-xs font-semibold text-soft">{name}</dt>
      <dd className="flex items-center gap-2 text-2xl font-semibold tabular-nums">
        {value}
        {colour && <span className="size-3 rounded-full" style={{ background: colour }} aria-hidden />}
      </dd>
      <dd className="text-xs text-soft">{children}</dd>
    </div>
  );
}

function Products({ products }: { products: readonly Product[] }) {
  if (products.length === 0) return null;
  return (
    <Panel title="Products" flush>
      <Table
        caption="Products"
        className="max-h-[28rem]"
        heads={["Product", "Reviews", "Sentiment", "Stars", "In stock"]}
        rows={products.map((product) => ({
          key: product.external_id,
          cells: [
            <Narrow key="name" to={{ product: product.name }}>
              {product.name}
            </Narrow>,
            count(product.reviews),
            <Sentiment key="sentiment" value={product.sentiment} />,
            <Stars key="stars" value={product.rating} />,
            product.low_stock ? (
              <strong key="stock" className="whitespace-nowrap text-bad">
                {count(product.inventory_quantity)}, low
              </strong>
            ) : (
              count(product.inventory_quantity)
            ),
          ],
        }))}
      />
    </Panel>
  );
}

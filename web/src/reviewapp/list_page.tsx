import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useMemo } from "react";
import { Time } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Input, Select } from "@/ui/field";
import { heads } from "@/ui/long_list";
import { PagedTable } from "@/ui/pages";
import { Empty } from "@/ui/panel";
import { withOwn } from "./ask_filters";
import { type Narrowed, overviewQuery, type Review, reviewsQuery, STATUSES } from "./data";
import { EnginePage } from "./engine_page";
import { beginning } from "./marked";
import { readNarrowed } from "./narrowed";
import { ReviewSheet } from "./review_sheet";
import { Became, Sentiment, Stars } from "./sentiment";

/** All reviews, narrowed by what stands in the address. */
export default function ListPage() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const go = useNavigate();
  const narrowed = useMemo(() => readNarrowed(search), [search]);
  const open = typeof search.review === "string" ? search.review : null;
  const found = useInfiniteQuery(reviewsQuery(narrowed));
  const show = (to: Narrowed & { review?: string }, replace = true) =>
    void go({ to: "/apps/reviews/reviews", replace, search: to as never });
  return (
    <EnginePage title="All reviews">
      <ListFilters narrowed={narrowed} onChange={show} />
      <PagedTable
        query={found}
        items={(page) => page.reviews}
        empty={<Empty title="No review is like that.">Narrow it to less.</Empty>}
        label="Reviews"
        heads={heads("Review", "Product", "Stars", "Sentiment", "Became", "Written")}
        columns={{
          grid: "grid-cols-[minmax(16rem,4fr)_minmax(7rem,1.4fr)_3.5rem_5rem_6rem_8rem]",
          least: "min-w-[54rem]",
        }}
        className="h-[calc(100dvh-17rem)] min-h-80 rounded-lg"
        keyOf={(review) => review.id}
        cells={(review) => cells(review, () => show({ ...narrowed, review: review.id }, false))}
      />
      <ReviewSheet id={open} onClose={() => show(narrowed)} />
    </EnginePage>
  );
}

function cells(review: Review, open: () => void) {
  return [
    <button key="text" type="button" className="w-full truncate text-left font-medium hover:underline" onClick={open}>
      {beginning(review.title ? `${review.title} ${review.text}` : review.text, 200)}
    </button>,
    review.product ?? "–",
    <Stars key="stars" value={review.rating} />,
    <Sentiment key="sentiment" value={review.sentiment} />,
    <Became key="status" status={review.status} />,
    <span key="at" className="text-soft">
      <Time at={review.created_at} relative />
    </span>,
  ];
}

function ListFilters({ narrowed, onChange }: { narrowed: Narrowed; onChange: (to: Narrowed) => void }) {
  const { data } = useQuery(overviewQuery(365));
  const change = (name: keyof Narrowed, value: string) => {
    const { [name]: _, ...others } = narrowed;
    onChange(value === "" ? others : { ...others, [name]: value });
  };
  const choose = (name: "status" | "product" | "theme", label: string, all: string, values: readonly string[]) => (
    <Select
      aria-label={label}
      className="max-w-60"
      value={narrowed[name] ?? ""}
      onChange={(event) => change(name, event.target.value)}
    >
      <option value="">{all}</option>
      {withOwn(values, narrowed[name] ?? "").map((value) => (
        <option key={value}>{value}</option>
      ))}
    </Select>
  );
  return (
    <div className="flex flex-wrap items-center gap-2">
      {choose("status", "What became of them", "any state", STATUSES)}
      {choose("product", "Product", "all products", data?.products.map((each) => each.name) ?? [])}
      {choose("theme", "Theme", "all themes", data?.themes.map((each) => each.theme) ?? [])}
      <Input
        aria-label="Source"
        placeholder="any source"
        className="w-32"
        maxLength={40}
        key={narrowed.source ?? ""}
        defaultValue={narrowed.source ?? ""}
        onBlur={(event) => change("source", event.target.value.trim())}
        onKeyDown={(event) => event.key === "Enter" && change("source", event.currentTarget.value.trim())}
      />
      {narrowed.cell && (
        <Button onClick={() => change("cell", "")} aria-label={`No longer only cell ${narrowed.cell}`}>
          cell {narrowed.cell} <X size={14} aria-hidden />
        </Button>
      )}
      {Object.keys(narrowed).length > 0 && (
        <Button look="quiet" onClick={() => onChange({})}>
          <X size={14} aria-hidden /> All reviews
        </Button>
      )}
    </div>
  );
}

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { count } from "@/ui/amounts";
import { Failure } from "@/ui/failure";
import { heads, LongList } from "@/ui/long_list";
import { Empty } from "@/ui/panel";
import { type Cell, mapQuery } from "./data";
import { EnginePage } from "./engine_page";
import { HexMap } from "./hex_map";
import { degrees } from "./projection";
import { Legend, Sentiment } from "./sentiment";

const COARSEST = 3;
const FINEST = 9;
/** How large a cell of each resolution is, by https://h3geo.org/docs/core-library/restable. */
const AREAS: Record<number, string> = {
  3: "12,400 km²",
  4: "1,770 km²",
  5: "250 km²",
  6: "36 km²",
  7: "5 km²",
  8: "0.7 km²",
  9: "0.1 km²",
};

/** Where reviews come from: cells on a map, and the same as a list. */
export default function MapPage() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const go = useNavigate();
  const wanted = Math.round(Number(search.resolution ?? 4));
  const resolution = wanted >= COARSEST && wanted <= FINEST ? wanted : 4;
  const [pointed, setPointed] = useState<string | null>(null);
  const found = useQuery({ ...mapQuery(resolution), placeholderData: keepPreviousData });
  const cells = found.data?.cells ?? [];
  const open = (cell: string) => void go({ to: "/apps/reviews/reviews", search: { cell } as never });
  return (
    <EnginePage title="Map">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <label className="flex items-center gap-3">
          <span className="font-medium whitespace-nowrap">Cells</span>
          <input
            type="range"
            min={COARSEST}
            max={FINEST}
            value={resolution}
            aria-valuetext={`resolution ${resolution}, ${AREAS[resolution]} each`}
            className="w-32 accent-[var(--accent)]"
            onChange={(event) => {
              const search = { resolution: Number(event.target.value) } as never;
              void go({ to: "/apps/reviews/map", replace: true, search });
            }}
          />
          <span className="text-soft tabular-nums">
            resolution {resolution}, about {AREAS[resolution]} each
          </span>
        </label>
        <Legend />
      </div>
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <p className="text-soft">Loading…</p>}
      {found.isSuccess && cells.length === 0 && (
        <Empty title="No review says where it was written.">
          Reviews with <code>latitude</code> and <code>longitude</code> appear here.
        </Empty>
      )}
      {cells.length > 0 && (
        <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
          <HexMap cells={cells} pointed={pointed} onPoint={setPointed} onOpen={open} />
          <CellList cells={cells} pointed={pointed} onPoint={setPointed} />
        </div>
      )}
      {(found.data?.left_off ?? 0) > 0 && (
        <p className="text-xs text-soft">
          {count(found.data?.left_off ?? 0)} cells with fewer reviews are left off. Choose larger cells to see all.
        </p>
      )}
    </EnginePage>
  );
}

function CellList({
  cells,
  pointed,
  onPoint,
}: {
  cells: readonly Cell[];
  pointed: string | null;
  onPoint: (cell: string | null) => void;
}) {
  return (
    <div className="min-w-0 rounded-lg border bg-card">
      <LongList
        label="Cells"
        heads={heads("Place", "Reviews", "Sentiment")}
        columns={{ grid: "grid-cols-[minmax(8.5rem,1fr)_3.5rem_4.5rem]", least: "min-w-[17rem]" }}
        className="h-[22rem] rounded-lg md:h-[min(66dvh,42rem)]"
        items={cells}
        keyOf={(cell) => cell.cell}
        cells={(cell) => [
          <Link
            key="place"
            to="/apps/reviews/reviews"
            search={{ cell: cell.cell } as never}
            className={cell.cell === pointed ? "font-semibold text-accent underline" : "hover:underline"}
            onFocus={() => onPoint(cell.cell)}
            onMouseEnter={() => onPoint(cell.cell)}
            onMouseLeave={() => onPoint(null)}
            onBlur={() => onPoint(null)}
            title={cell.cell}
          >
            {placeOf(cell)}
          </Link>,
          count(cell.reviews),
          <Sentiment key="sentiment" value={cell.sentiment} />,
        ]}
      />
    </div>
  );
}

/** A cell's middle, in degrees. */
function placeOf(cell: Cell): string {
  const places = 2;
  return `${degrees(Number(cell.latitude.toFixed(places)), "N", "S")}, ${degrees(Number(cell.longitude.toFixed(places)), "E", "W")}`;
}

import { useState } from "react";
import { count } from "@/ui/amounts";
import { Button } from "@/ui/button";
import { Panel } from "@/ui/panel";
import { figure, sentimentColour } from "./colours";
import type { Theme } from "./data";
import { Narrow } from "./review_sheet";
import { Legend } from "./sentiment";
import { sparkline } from "./sparkline";

const FIRST = 12;
const LINE = { width: 72, height: 20 };

/** What is spoken of: how often, how it is judged, and by month. */
export function Themes({ themes }: { themes: readonly Theme[] }) {
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...themes.map((each) => each.reviews));
  const shown = all ? themes : themes.slice(0, FIRST);
  return (
    <Panel title="Themes" actions={<Legend />} flush>
      {themes.length === 0 && <p className="p-4 text-soft">Themes are counted anew every few minutes.</p>}
      <ul className="divide-y">
        {shown.map((each) => (
          <li
            key={each.theme}
            className="relative grid grid-cols-[minmax(6.5rem,1fr)_minmax(0,2fr)_auto] items-center gap-3 px-4 py-1.5 hover:bg-sunk"
          >
            <span className="min-w-0 truncate font-medium">
              <Narrow to={{ theme: each.theme }}>{each.theme}</Narrow>
            </span>
            <span className="flex items-center gap-2 text-xs tabular-nums">
              <span
                className="h-3.5 min-w-0.5 rounded-sm"
                style={{ width: `${(each.reviews / most) * 70}%`, background: sentimentColour(each.sentiment) }}
                aria-hidden
              />
              {count(each.reviews)}
              <span className="sr-only">reviews, sentiment</span>
            </span>
            <span className="flex items-center gap-3">
              <Months theme={each} />
              <span className="w-8 text-right text-xs text-soft tabular-nums">{figure(each.sentiment)}</span>
            </span>
          </li>
        ))}
      </ul>
      {themes.length > FIRST && (
        <div className="border-t p-2 text-center">
          <Button look="quiet" onClick={() => setAll(!all)}>
            {all ? "Fewer" : `All ${themes.length} themes`}
          </Button>
        </div>
      )}
    </Panel>
  );
}

/** A theme's sentiment by month, as a small line. */
function Months({ theme }: { theme: Theme }) {
  const values = theme.months.map((month) => month.sentiment);
  const first = theme.months[0];
  const last = theme.months[theme.months.length - 1];
  if (!first || !last || theme.months.length < 2) return <span style={{ width: LINE.width }} />;
  const label = `Sentiment of ${theme.theme} by month, from ${figure(first.sentiment)} to ${figure(last.sentiment)}`;
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${LINE.width} ${LINE.height}`}
      style={LINE}
      className="hidden shrink-0 text-soft sm:block"
    >
      <title>{label}</title>
      <path d={sparkline(values, LINE)} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" />
    </svg>
  );
}

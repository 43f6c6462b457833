import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/ui/button";
import { Input, Select } from "@/ui/field";
import { choicesQuery } from "./data";
import { type Filters, howMany, MARKS, NAMES, NONE, read, STATES, savedViews, saveView } from "./filters";
import { focusFirst } from "./focus";

const STATE_TOLD = { open: "waiting", decided: "decided", withdrawn: "withdrawn" };
const NAME_TOLD = { flow: "all flows", policy: "all policies", content_type: "all kinds" };
const NAME_LABEL = { flow: "Flow", policy: "Policy", content_type: "Kind of content" };
const MARK_TOLD = {
  mine: "mine",
  unassigned: "given to nobody",
  unclaimed: "held by nobody",
  sensitive: "sensitive",
  urgent: "urgent",
  snoozed: "with those put off",
};

/** What the inbox shows, and views that were kept under a name. */
export function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const choices = useQuery(choicesQuery);
  return (
    <div id="filters" className="flex flex-wrap items-center gap-1.5 border-b px-3 py-2 text-xs">
      <Select
        aria-label="State"
        className="py-1"
        value={filters.state}
        onChange={(event) =>
          onChange({ ...filters, state: STATES.find((each) => each === event.target.value) ?? "open" })
        }
      >
        {STATES.map((each) => (
          <option key={each} value={each}>
            {STATE_TOLD[each]}
          </option>
        ))}
      </Select>
      {NAMES.map((name) => {
        const known = choices.data?.[name] ?? [];
        const all = filters[name] && !known.includes(filters[name]) ? [...known, filters[name]] : known;
        return (
          <Select
            key={name}
            aria-label={NAME_LABEL[name]}
            className="max-w-36 py-1"
            value={filters[name]}
            onChange={(event) => onChange({ ...filters, [name]: event.target.value })}
          >
            <option value="">{NAME_TOLD[name]}</option>
            {all.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </Select>
        );
      })}
      {MARKS.map((mark) => (
        <button
          key={mark}
          type="button"
          aria-pressed={filters[mark]}
          className={`rounded-full border px-2.5 py-0.5 ${filters[mark] ? "border-accent bg-accent text-on-accent" : "hover:bg-sunk"}`}
          onClick={() => onChange({ ...filters, [mark]: !filters[mark] })}
        >
          {MARK_TOLD[mark]}
        </button>
      ))}
      <Views filters={filters} onChange={onChange} />
    </div>
  );
}

function Views({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const [views, setViews] = useState(() => savedViews(localStorage));
  const [naming, setNaming] = useState<string | null>(null);
  const same = views.find((view) => JSON.stringify(read({ ...view.filters })) === JSON.stringify(filters));
  if (naming !== null) {
    return (
      <form
        className="flex items-center gap-1"
        onSubmit={(event) => {
          event.preventDefault();
          if (naming.trim()) setViews(saveView(localStorage, naming.trim(), filters));
          setNaming(null);
        }}
        onKeyDown={(event) => event.key === "Escape" && setNaming(null)}
      >
        <Input
          aria-label="Name of the view"
          placeholder="Name of the view"
          className="w-36 py-1"
          maxLength={60}
          ref={focusFirst}
          value={naming}
          onChange={(event) => setNaming(event.target.value)}
        />
        <Button type="submit" className="min-h-7 px-2">
          Keep
        </Button>
      </form>
    );
  }
  return (
    <>
      {views.length > 0 && (
        <Select
          aria-label="Saved views"
          className="max-w-36 py-1"
          value={same?.name ?? ""}
          onChange={(event) => {
            const view = views.find((each) => each.name === event.target.value);
            onChange(view ? read({ ...view.filters }) : NONE);
          }}
        >
          <option value="">views…</option>
          {views.map((view) => (
            <option key={view.name}>{view.name}</option>
          ))}
        </Select>
      )}
      {same ? (
        <Button look="quiet" className="min-h-7 px-2" onClick={() => setViews(saveView(localStorage, same.name, null))}>
          Forget “{same.name}”
        </Button>
      ) : (
        howMany(filters) > 0 && (
          <Button look="quiet" className="min-h-7 px-2" onClick={() => setNaming("")}>
            Save view
          </Button>
        )
      )}
      {howMany(filters) > 0 && (
        <Button look="quiet" className="min-h-7 px-2" onClick={() => onChange(NONE)}>
          Clear
        </Button>
      )}
    </>
  );
}

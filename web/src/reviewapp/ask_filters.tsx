import { useQuery } from "@tanstack/react-query";
import { MapPin, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select } from "@/ui/field";
import type { Asked } from "./asked";
import { overviewQuery } from "./data";

const STARS: [number, string][] = [
  [0, "any stars"],
  [4, "4 stars or more"],
  [5, "5 stars"],
  [-2, "2 stars or fewer"],
  [-1, "1 star"],
];

/** What a question is narrowed to: a product, stars, a theme, a place. */
export function AskFilters({ asked, onChange }: { asked: Asked; onChange: (to: Partial<Asked>) => void }) {
  const { data } = useQuery(overviewQuery(365));
  const [placing, setPlacing] = useState(false);
  const set = asked.product || asked.theme || asked.stars || asked.lat !== null;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Select
        aria-label="Product"
        className="max-w-60"
        value={asked.product}
        onChange={(event) => onChange({ product: event.target.value })}
      >
        <option value="">all products</option>
        {withOwn(data?.products.map((each) => each.name) ?? [], asked.product).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </Select>
      <Select
        aria-label="Stars"
        value={asked.stars}
        onChange={(event) => onChange({ stars: Number(event.target.value) })}
      >
        {STARS.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </Select>
      <Select aria-label="Theme" value={asked.theme} onChange={(event) => onChange({ theme: event.target.value })}>
        <option value="">all themes</option>
        {withOwn(data?.themes.map((each) => each.theme) ?? [], asked.theme).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </Select>
      <Button onClick={() => setPlacing(true)}>
        <MapPin size={14} aria-hidden />{" "}
        {asked.lat === null ? "Near a place…" : `near ${asked.lat.toFixed(2)}, ${asked.lon?.toFixed(2)}`}
      </Button>
      {set && (
        <Button look="quiet" onClick={() => onChange({ product: "", stars: 0, theme: "", lat: null, lon: null })}>
          <X size={14} aria-hidden /> Narrow to nothing
        </Button>
      )}
      <Dialog open={placing} onClose={() => setPlacing(false)} title="Near a place">
        <PlaceForm
          asked={asked}
          onChange={(to) => {
            onChange(to);
            setPlacing(false);
          }}
        />
      </Dialog>
    </div>
  );
}

function PlaceForm({ asked, onChange }: { asked: Asked; onChange: (to: Partial<Asked>) => void }) {
  const [lat, setLat] = useState(asked.lat === null ? "" : String(asked.lat));
  const [lon, setLon] = useState(asked.lon === null ? "" : String(asked.lon));
  const done = (event: FormEvent) => {
    event.preventDefault();
    onChange({ lat: Number(lat), lon: Number(lon) });
  };
  return (
    <form onSubmit={done} className="flex flex-col gap-3">
      <p className="text-soft">Reviews that were written near it come first. Degrees, as maps tell them.</p>
      <Field label="Latitude" hint="From −90 to 90, such as 48.21 for Vienna.">
        {(props) => (
          <Input
            {...props}
            type="number"
            step="any"
            min={-90}
            max={90}
            required
            value={lat}
            onChange={(e) => setLat(e.target.value)}
          />
        )}
      </Field>
      <Field label="Longitude" hint="From −180 to 180, such as 16.37 for Vienna.">
        {(props) => (
          <Input
            {...props}
            type="number"
            step="any"
            min={-180}
            max={180}
            required
            value={lon}
            onChange={(e) => setLon(e.target.value)}
          />
        )}
      </Field>
      <div className="flex gap-2">
        <Button type="submit" look="main">
          Use this place
        </Button>
        {asked.lat !== null && <Button onClick={() => onChange({ lat: null, lon: null })}>Anywhere</Button>}
      </div>
    </form>
  );
}

/** A list's names, with what is chosen though it is not among them. */
export function withOwn(names: readonly string[], own: string): string[] {
  return own === "" || names.includes(own) ? [...names] : [own, ...names];
}

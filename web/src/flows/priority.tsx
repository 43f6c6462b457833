import { Select } from "@/ui/field";

const NAMES = ["0 – first", "1 – soon", "2 – as usual", "3 – last"];

/** Chooses a priority; `inherits` also offers the flow's own. */
export function PrioritySelect({
  about,
  value,
  onChange,
  inherits = false,
}: {
  about: { id: string };
  value: number | null;
  onChange: (value: number | null) => void;
  inherits?: boolean;
}) {
  return (
    <Select
      {...about}
      value={value === null ? "" : String(value)}
      onChange={(event) => onChange(event.target.value === "" ? null : Number(event.target.value))}
    >
      {inherits && <option value="">the flow's own</option>}
      {NAMES.map((name, priority) => (
        <option key={name} value={String(priority)}>
          {name}
        </option>
      ))}
    </Select>
  );
}

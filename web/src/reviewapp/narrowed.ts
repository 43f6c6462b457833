import { type Narrowed, STATUSES } from "./data";

const LONGEST = { product: 200, theme: 60, cell: 16, source: 40 } as const;

/** What an address narrows a list to. What it does not understand it leaves out. */
export function readNarrowed(search: Record<string, unknown>): Narrowed {
  const found: Narrowed = {};
  const status = STATUSES.find((each) => each === search.status);
  if (status) found.status = status;
  for (const [name, most] of Object.entries(LONGEST) as [keyof typeof LONGEST, number][]) {
    const value = search[name];
    if ((typeof value === "string" || typeof value === "number") && value !== "")
      found[name] = String(value).slice(0, most);
  }
  return found;
}

/** Which reviews the inbox shows: kept in the address, so that a view can be linked, and under names in this browser. */

export const STATES = ["open", "decided", "withdrawn"] as const;

export interface Filters {
  state: (typeof STATES)[number];
  flow: string;
  policy: string;
  content_type: string;
  mine: boolean;
  unassigned: boolean;
  unclaimed: boolean;
  sensitive: boolean;
  urgent: boolean;
  snoozed: boolean;
}

export const NONE: Filters = {
  state: "open",
  flow: "",
  policy: "",
  content_type: "",
  mine: false,
  unassigned: false,
  unclaimed: false,
  sensitive: false,
  urgent: false,
  snoozed: false,
};

export const NAMES = ["flow", "policy", "content_type"] as const;
export const MARKS = ["mine", "unassigned", "unclaimed", "sensitive", "urgent", "snoozed"] as const;

/** The filters of an address's search. What it does not understand it leaves out. */
export function read(search: Record<string, unknown>): Filters {
  const found: Filters = { ...NONE };
  const state = STATES.find((each) => each === search.state);
  if (state) found.state = state;
  for (const name of NAMES) {
    const value = search[name];
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      found[name] = String(value).slice(0, 200);
    }
  }
  for (const mark of MARKS) found[mark] = search[mark] === true || search[mark] === "true";
  return found;
}

/** What stands in the address, and what the API is asked: only what is not as usual. */
export function written(filters: Filters): Partial<Filters> {
  return Object.fromEntries(
    Object.entries(filters).filter(([name, value]) => value !== NONE[name as keyof Filters]),
  ) as Partial<Filters>;
}

/** How many filters are set. */
export function howMany(filters: Filters): number {
  return Object.keys(written(filters)).length;
}

export interface View {
  name: string;
  filters: Partial<Filters>;
}

const KEY = "stretto.reviews.views";
const MOST_VIEWS = 50;

/** Filters that were kept under a name, by name. */
export function savedViews(storage: Pick<Storage, "getItem">): View[] {
  try {
    const found: unknown = JSON.parse(storage.getItem(KEY) ?? "[]");
    if (!Array.isArray(found)) return [];
    return found.flatMap((each: unknown) => {
      if (typeof each !== "object" || each === null) return [];
      const { name, filters } = each as Record<string, unknown>;
      if (typeof name !== "string" || !name || typeof filters !== "object" || filters === null) return [];
      return [{ name, filters: written(read(filters as Record<string, unknown>)) }];
    });
  } catch {
    return []; // what another program wrote there
  }
}

/** Keeps filters under a name, in place of others of this name; null takes them away. */
export function saveView(storage: Pick<Storage, "getItem" | "setItem">, name: string, filters: Filters | null): View[] {
  const others = savedViews(storage).filter((view) => view.name !== name);
  const views = filters === null ? others : [...others, { name, filters: written(filters) }];
  const kept = views.slice(-MOST_VIEWS).sort((one, other) => one.name.localeCompare(other.name));
  storage.setItem(KEY, JSON.stringify(kept));
  return kept;
}

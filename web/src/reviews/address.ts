import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type Filters, read, written } from "./filters";

/** What the inbox's address says: the filters, and which review is open. */
export interface Address {
  filters: Filters;
  item: string | null;
  /** Opens another one. `replace`: without a step in the browser's history. */
  open: (item: string | null, replace?: boolean) => void;
  filter: (filters: Filters) => void;
}

/** The inbox's address, and ways to change it. */
export function useAddress(): Address {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const go = useNavigate();
  const filters = useMemo(() => read(search), [search]);
  const item = typeof search.item === "string" && search.item ? search.item : null;
  const open = useCallback(
    (to: string | null, replace = true) =>
      void go({ to: "/reviews", replace, search: { ...written(filters), ...(to ? { item: to } : {}) } }),
    [go, filters],
  );
  const filter = useCallback((to: Filters) => void go({ to: "/reviews", replace: true, search: written(to) }), [go]);
  return { filters, item, open, filter };
}

import { createContext, useContext } from "react";
import type { NodeStates } from "./graph";

interface LiveGraph {
  states: NodeStates;
  selected: string | null;
  onSelect: ((id: string) => void) | undefined;
}

const Context = createContext<LiveGraph>({ states: {}, selected: null, onSelect: undefined });

/** What changes while the picture stands: nodes read it themselves, so that nothing is laid out again. */
export const Live = Context;

export function useLive(): LiveGraph {
  return useContext(Context);
}

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { accessKey } from "@/api/access";

/** What the server tells as it changes. */
export interface Pulse {
  reviews: number;
  analysed: number;
  sentiment: number | null;
  points: number;
  imports: number;
}

const AGAIN_MS = 5_000;
const PATIENCE_MS = 2_000;

/** The live figures; null where there is no connection. With each change what is shown is asked for anew, at most every two seconds. */
export function usePulse(): Pulse | null {
  const [pulse, setPulse] = useState<Pulse | null>(null);
  const queries = useQueryClient();
  useEffect(() => {
    if (accessKey() !== null) return; // a browser's socket cannot show a key; the pages ask again by themselves
    let socket: WebSocket | null = null;
    let again: ReturnType<typeof setTimeout> | undefined;
    let asking: ReturnType<typeof setTimeout> | undefined;
    let first = true;
    let over = false;
    const ask = () => {
      asking = undefined;
      for (const key of ["overview", "imports"]) void queries.invalidateQueries({ queryKey: ["reviewapp", key] });
    };
    const open = () => {
      const address = new URL("/v1/apps/reviews/live", window.location.href);
      address.protocol = address.protocol.replace("http", "ws");
      socket = new WebSocket(address);
      socket.onmessage = (message) => {
        setPulse(JSON.parse(String(message.data)) as Pulse);
        if (!first) asking ??= setTimeout(ask, PATIENCE_MS);
        first = false;
      };
      socket.onclose = () => {
        setPulse(null);
        if (!over) again = setTimeout(open, AGAIN_MS);
      };
    };
    open();
    return () => {
      over = true;
      clearTimeout(again);
      clearTimeout(asking);
      socket?.close();
    };
  }, [queries]);
  return pulse;
}

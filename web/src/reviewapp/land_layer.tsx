import { useQuery } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useRef } from "react";
import { onTheme } from "@/shell/theme";
import { paintLand } from "./paint_land";
import type { Sheet } from "./sheet";

/** Land and borders under the cells. The map works without them, so nothing is said where they do not come. */
export function LandLayer({ sheet }: { sheet: Sheet }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { data: landAt } = useQuery({
    queryKey: ["land"],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    retry: 1,
    structuralSharing: false,
    queryFn: async () => (await import("./land_source")).fetchLand(),
  });
  const paint = useRef(() => {});
  paint.current = () => {
    const element = canvas.current;
    const to = element?.getContext("2d");
    if (!element || !to || !landAt) return;
    const dense = Math.min(2, window.devicePixelRatio || 1);
    element.width = sheet.size.width * dense;
    element.height = sheet.size.height * dense;
    to.scale(dense, dense);
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const colours = { land: colour("--land"), coast: colour("--coast"), border: colour("--border") };
    paintLand(to, landAt(sheet.view.scale), sheet, colours);
  };
  useLayoutEffect(() => {
    if (landAt && sheet) paint.current();
  }, [landAt, sheet]);
  useEffect(() => onTheme(() => paint.current()), []);
  return (
    <canvas ref={canvas} aria-hidden style={{ ...sheet.size }} className="absolute top-0 left-0" data-land={!!landAt} />
  );
}

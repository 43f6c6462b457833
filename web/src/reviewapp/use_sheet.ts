import { useEffect, useState } from "react";
import type { Size, View } from "./projection";
import { type Sheet, serves, sheetFor } from "./sheet";

const SETTLED_MS = 150;

/** The sheet for what is seen: a new one where the old one ends or is too coarse, and once coming closer has ended. */
export function useSheet(view: View, size: Size): Sheet {
  const [kept, setKept] = useState(() => sheetFor(view, size));
  const sheet = serves(kept, view, size) ? kept : sheetFor(view, size);
  if (sheet !== kept) setKept(sheet);
  useEffect(() => {
    if (sheet.view.scale === view.scale) return;
    const settled = setTimeout(() => setKept(sheetFor(view, size)), SETTLED_MS);
    return () => clearTimeout(settled);
  }, [sheet, view, size]);
  return sheet;
}

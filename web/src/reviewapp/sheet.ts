/** What is drawn of the map at once: more than is seen, so that moving and coming closer shift a picture that is there. */

import { type Size, turned, type View } from "./projection";

export interface Sheet {
  view: View;
  size: Size;
}

const MARGIN = 0.35; // of the picture, on each side
const FURTHEST = 0.6; // how much smaller a sheet may be shown before it is drawn anew
const CLOSEST = 2.2;

/** A sheet around what is seen. */
export function sheetFor(view: View, size: Size): Sheet {
  const wider = (length: number) => Math.ceil(length * (1 + 2 * MARGIN));
  return { view, size: { width: wider(size.width), height: wider(size.height) } };
}

/** Where a sheet's upper left corner is in the picture, in pixels, and how many times larger it is shown. */
export function placed(sheet: Sheet, view: View, size: Size): { x: number; y: number; times: number } {
  const times = view.scale / sheet.view.scale;
  const x = turned(sheet.view.x - view.x) * view.scale + size.width / 2 - (sheet.size.width / 2) * times;
  const y = (sheet.view.y - view.y) * view.scale + size.height / 2 - (sheet.size.height / 2) * times;
  return times === 1 ? { x: Math.round(x), y: Math.round(y), times } : { x, y, times };
}

/** Whether a sheet has all that is seen, in a size that will do. */
export function serves(sheet: Sheet, view: View, size: Size): boolean {
  const { x, y, times } = placed(sheet, view, size);
  const covers = x <= 0.5 && y <= 0.5;
  const reaches =
    x + sheet.size.width * times >= size.width - 0.5 && y + sheet.size.height * times >= size.height - 0.5;
  return covers && reaches && times >= FURTHEST && times <= CLOSEST;
}

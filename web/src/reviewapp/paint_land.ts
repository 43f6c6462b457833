import { type Box, clipped, type Land, meet, type Outlined, seen } from "./land";
import { onScreen, type Point } from "./projection";
import type { Sheet } from "./sheet";

export interface LandColours {
  land: string;
  coast: string;
  border: string;
}

const BEYOND_PX = 4; // where areas are cut off must not be seen as a coast

/** Paints land and borders onto a sheet, as often around the earth as it is wide. */
export function paintLand(to: CanvasRenderingContext2D, land: Land, sheet: Sheet, colours: LandColours): void {
  const { view, size } = sheet;
  const half = { x: (size.width / 2 + BEYOND_PX) / view.scale, y: (size.height / 2 + BEYOND_PX) / view.scale };
  const box = { left: view.x - half.x, right: view.x + half.x, top: view.y - half.y, bottom: view.y + half.y };
  const path = (each: (within: Box, draw: (points: readonly Point[]) => void) => void) => {
    to.beginPath();
    // Shapes reach from -360° to 360°: they go on in one piece beyond the date line.
    for (let turn = Math.floor((box.left - 360) / 360) * 360; turn <= box.right + 360; turn += 360) {
      each({ ...box, left: box.left - turn, right: box.right - turn }, (points) => {
        for (const [index, point] of points.entries()) {
          const { x, y } = onScreen({ x: point.x + turn, y: point.y }, view, size);
          if (index === 0) to.moveTo(x, y);
          else to.lineTo(x, y);
        }
      });
    }
  };
  const lines = (of: readonly Outlined[]) =>
    path((within, draw) => {
      for (const line of of) if (meet(line.box, within)) for (const piece of seen(line.points, within)) draw(piece);
    });
  to.clearRect(0, 0, size.width, size.height);
  path((within, draw) => {
    for (const area of land.areas) if (meet(area.box, within)) draw(clipped(area.points, within));
  });
  to.fillStyle = colours.land;
  to.fill("evenodd");
  to.lineWidth = 1;
  to.lineJoin = "round";
  to.strokeStyle = colours.border;
  lines(land.borders);
  to.stroke();
  to.strokeStyle = colours.coast;
  lines(land.coasts);
  to.stroke();
}

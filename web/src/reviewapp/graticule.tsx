import { degrees, graticule, onScreen, project, type Size, turned, type View } from "./projection";

/** Lines of longitude and latitude with their degrees. */
export function Graticule({ view, size }: { view: View; size: Size }) {
  const { longitudes, latitudes } = graticule(view, size);
  return (
    <g stroke="var(--line)" fill="var(--soft)" fontSize="11">
      {longitudes.map((each) => {
        const { x } = onScreen({ x: each, y: 0 }, view, size);
        return (
          <g key={each}>
            <line x1={x} x2={x} y1={0} y2={size.height} />
            <text x={x + 4} y={size.height - 6} stroke="none">
              {degrees(Number(turned(each).toFixed(4)), "E", "W")}
            </text>
          </g>
        );
      })}
      {latitudes.map((each) => {
        const { y } = onScreen(project(each, 0), view, size);
        return (
          <g key={each}>
            <line x1={0} x2={size.width} y1={y} y2={y} />
            <text x={6} y={y - 4} stroke="none">
              {degrees(each, "N", "S")}
            </text>
          </g>
        );
      })}
    </g>
  );
}

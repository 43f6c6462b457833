const LEAST_SPAN = 1; // a line that hardly moves shall look so

/** The path of a small line through values; what is missing is left out. */
export function sparkline(values: readonly (number | null)[], size: { width: number; height: number }): string {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return "";
  const middle = (Math.min(...known) + Math.max(...known)) / 2;
  const span = Math.max(LEAST_SPAN, Math.max(...known) - Math.min(...known));
  const room = size.height - 4;
  const path: string[] = [];
  values.forEach((value, index) => {
    if (value === null) return;
    const x = (index / (values.length - 1)) * (size.width - 4) + 2;
    const y = 2 + room / 2 - ((value - middle) / span) * room;
    path.push(`${path.length === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`);
  });
  return path.join("");
}

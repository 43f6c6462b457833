import { clsx } from "clsx";

/** How much of something is left: a bar that warns below a quarter and below a tenth. */
export function Meter({ left, of, label }: { left: number; of: number; label: string }) {
  const share = of > 0 ? Math.min(1, Math.max(0, left / of)) : 0;
  const tone = share < 0.1 ? "bg-bad" : share < 0.25 ? "bg-busy" : "bg-good";
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      className="h-2 w-24 overflow-hidden rounded-full bg-sunk outline outline-line"
    >
      <div className={clsx("h-full", tone)} style={{ width: `${share * 100}%` }} />
    </div>
  );
}

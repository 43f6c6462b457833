import { serverNow } from "@/api/server_clock";

/** Figures as people read them. Money comes as exact decimal text and is never added up here as binary fractions for billing. */

export function dollars(amount: string | number): string {
  const value = Number(amount);
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "$0";
  if (Math.abs(value) < 0.01) return `$${value.toLocaleString("en-US", { maximumSignificantDigits: 2 })}`;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function count(amount: number): string {
  return amount.toLocaleString("en-US");
}

const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** 1,234,567 as 1.2M. */
export function brief(amount: number): string {
  return amount < 1000 && Number.isInteger(amount) ? String(amount) : COMPACT.format(amount);
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** 83.4 s as 1:23. */
export function clock(ms: number): string {
  const seconds = Math.max(0, ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60)
    .toString()
    .padStart(2, "0");
  return `${minutes}:${rest}`;
}

/** A time of this place, with the exact UTC on hover. `relative` says how long ago. */
export function Time({ at, relative = false }: { at: string | number | Date; relative?: boolean }) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>–</span>;
  const sameDay = date.toDateString() === new Date().toDateString();
  const shown = relative
    ? ago(date)
    : date.toLocaleString(undefined, sameDay ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
  return (
    <time dateTime={date.toISOString()} title={date.toISOString().replace("T", " ").replace("Z", " UTC")}>
      {shown}
    </time>
  );
}

function ago(date: Date): string {
  const seconds = (date.getTime() - serverNow()) / 1000;
  const [amount, unit] = closest(seconds);
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(amount), unit);
}

function closest(seconds: number): [number, Intl.RelativeTimeFormatUnit] {
  const size = Math.abs(seconds);
  if (size < 60) return [seconds, "second"];
  if (size < 3600) return [seconds / 60, "minute"];
  if (size < 86_400) return [seconds / 3600, "hour"];
  return [seconds / 86_400, "day"];
}

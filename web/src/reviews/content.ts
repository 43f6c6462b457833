/** What is reviewed: how it is edited, and which pictures, videos and sounds it names. */

/** The text in which content is edited: text as it is, all else as JSON. */
export function editable(content: unknown): string {
  return typeof content === "string" ? content : (JSON.stringify(content, null, 2) ?? "null");
}

/** What was made of content, or what is wrong with it. Text stays text; all else must be JSON. */
export function edited(content: unknown, text: string): { value: unknown } | { wrong: string } {
  if (typeof content === "string") return { value: text };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { wrong: `This is no JSON: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

export type MediaKind = "image" | "video" | "audio" | "other";

export interface Media {
  url: string;
  kind: MediaKind;
  /** From where it comes; empty for what is part of the content. */
  host: string;
  /** Whether the page may show it: what comes unencrypted from elsewhere can only be opened. */
  shows: boolean;
}

const ENDINGS: Record<string, MediaKind> = {
  ...Object.fromEntries(["png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "bmp"].map((each) => [each, "image"])),
  ...Object.fromEntries(["mp4", "webm", "mov", "m4v", "ogv"].map((each) => [each, "video"])),
  ...Object.fromEntries(["mp3", "wav", "ogg", "oga", "m4a", "aac", "flac", "opus"].map((each) => [each, "audio"])),
};
const MOST_MEDIA = 50;
const MOST_VALUES = 5_000;

/** The media of a review: those that it was given, then those that its content names by an address of its own. */
export function mediaOf(given: readonly unknown[], content: unknown, origin: string): Media[] {
  const found = new Map<string, Media>();
  const add = (media: Media | null) => {
    if (media && found.size < MOST_MEDIA && !found.has(media.url)) found.set(media.url, media);
  };
  for (const each of given) add(mediaIn(each, origin));
  let values = 0;
  const look = (value: unknown, depth: number): void => {
    if (++values > MOST_VALUES || depth > 20) return;
    if (typeof value === "string") {
      const media = value.length < 2_000 || value.startsWith("data:") ? mediaAt(value.trim(), "", origin) : null;
      if (media && media.kind !== "other") add(media);
    } else if (typeof value === "object" && value !== null) {
      for (const each of Object.values(value)) look(each, depth + 1);
    }
  };
  look(content, 0);
  return [...found.values()];
}

function mediaIn(given: unknown, origin: string): Media | null {
  if (typeof given === "string") return mediaAt(given.trim(), "", origin);
  if (typeof given !== "object" || given === null) return null;
  const fields = given as Record<string, unknown>;
  const address = [fields.url, fields.src, fields.href, fields.address].find((each) => typeof each === "string");
  const told = [fields.type, fields.kind, fields.mime_type, fields.content_type].find(
    (each) => typeof each === "string",
  );
  return typeof address === "string" ? mediaAt(address.trim(), typeof told === "string" ? told : "", origin) : null;
}

function mediaAt(address: string, told: string, origin: string): Media | null {
  if (/\s/.test(address)) return null;
  const inside = /^data:(image|video|audio)\//i.exec(address);
  if (inside) {
    const kind = (inside[1] ?? "other").toLowerCase() as MediaKind;
    return { url: address, kind, host: "", shows: kind === "image" };
  }
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return null;
  const url = new URL(address);
  const named = /^(image|video|audio)\b/i.exec(told)?.[1]?.toLowerCase() as MediaKind | undefined;
  const ending = /\.([a-z0-9]+)$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? "";
  const kind = named ?? ENDINGS[ending] ?? "other";
  const allowed = url.protocol === "https:" || url.origin === origin;
  return { url: url.href, kind, host: url.host, shows: allowed && kind !== "other" };
}

/** Why something came, as judges say it; null for what no judge said. */
export interface Judged {
  verdict: string;
  confidence: number | null;
  stated: number | null;
  method: string;
  calibrated: boolean;
  reasons: string[];
  flags: { topic: string; how: string; found: string; score: number | null }[];
}

/** Reads a judge's output, whatever is missing in it. */
export function judged(reason: unknown): Judged | null {
  if (typeof reason !== "object" || reason === null || Array.isArray(reason)) return null;
  const said = reason as Record<string, unknown>;
  if (typeof said.verdict !== "string" && typeof said.confidence !== "number") return null;
  const text = (value: unknown) => (value === undefined || value === null ? "" : String(value));
  const number = (value: unknown) => (typeof value === "number" ? value : null);
  const reasons = Array.isArray(said.reasons) && said.reasons.length > 0 ? said.reasons : [said.comments];
  const flags = Array.isArray(said.flags) ? (said.flags as unknown[]) : [];
  return {
    verdict: text(said.verdict),
    confidence: number(said.confidence),
    stated: number(said.stated),
    method: text(said.method),
    calibrated: said.calibrated === true,
    reasons: reasons.map(text).filter(Boolean),
    flags: flags.flatMap((flag) => {
      if (typeof flag !== "object" || flag === null) return [];
      const each = flag as Record<string, unknown>;
      const found = Array.isArray(each.found) ? each.found.map(text).join(", ") : text(each.found);
      return [{ topic: text(each.topic), how: text(each.how), found, score: number(each.score) }];
    }),
  };
}

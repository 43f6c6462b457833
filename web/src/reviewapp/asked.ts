import type { Question } from "./data";

/** A question and what it is narrowed to, as they stand in the address. */
export interface Asked {
  q: string;
  product: string;
  /** At least so many stars, or at most where negative; 0 for all. */
  stars: number;
  theme: string;
  lat: number | null;
  lon: number | null;
}

/** Reads an address. What it does not understand it leaves out. */
export function readAsked(search: Record<string, unknown>): Asked {
  const word = (name: string, most: number) => {
    const value = search[name];
    return typeof value === "string" || typeof value === "number" ? String(value).slice(0, most) : "";
  };
  const degree = (name: string, most: number) => {
    const value = search[name];
    const found = typeof value === "number" || (typeof value === "string" && value !== "") ? Number(value) : Number.NaN;
    return Math.abs(found) <= most ? found : null;
  };
  const stars = Math.round(Number(search.stars ?? 0));
  const [lat, lon] = [degree("lat", 90), degree("lon", 180)];
  const place = lat !== null && lon !== null;
  return {
    q: word("q", 4_000),
    product: word("product", 200),
    stars: Math.abs(stars) <= 5 ? stars : 0,
    theme: word("theme", 60),
    lat: place ? lat : null,
    lon: place ? lon : null,
  };
}

/** What stands in the address: only what is not as usual. */
export function writtenAsked(asked: Asked): Partial<Asked> {
  return Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== "" && value !== 0 && value !== null),
  ) as Partial<Asked>;
}

/** What the server is asked. */
export function questionOf({ q, product, stars, theme, lat, lon }: Asked): Question {
  const filter = {
    ...(product ? { product } : {}),
    ...(theme ? { themes: theme } : {}),
    ...(stars > 0 ? { stars: { gte: stars } } : stars < 0 ? { stars: { lte: -stars } } : {}),
  };
  return {
    question: q,
    filter: Object.keys(filter).length > 0 ? filter : null,
    near: lat !== null && lon !== null ? { latitude: lat, longitude: lon } : null,
  };
}

/** Where one is in a list that changes while it is read. */

/** Where to scroll, so that what was on top stays where it is; and how many rows have come above it. */
export function keptInPlace(
  before: readonly string[],
  after: readonly string[],
  scrollTop: number,
  rowPx: number,
): { scrollTop: number; above: number } {
  const top = Math.floor(scrollTop / rowPx);
  const places = new Map(after.map((id, index) => [id, index]));
  for (let index = top; index < before.length; index++) {
    const now = places.get(before[index] as string);
    if (now === undefined) continue; // it is over: the one below takes its place
    const moved = now - top;
    return { scrollTop: Math.max(0, scrollTop + moved * rowPx), above: Math.max(0, moved) };
  }
  return { scrollTop: Math.min(scrollTop, Math.max(0, after.length * rowPx)), above: 0 };
}

/** The one that is read after `current`, when that and the others in `gone` leave the list: the next one, else the one before. */
export function after(ids: readonly string[], current: string | null, gone: ReadonlySet<string>): string | null {
  const at = current === null ? -1 : ids.indexOf(current);
  const stays = (id: string) => !gone.has(id);
  return ids.slice(at + 1).find(stays) ?? ids.slice(0, Math.max(0, at)).findLast(stays) ?? null;
}

/** The one a step away, within the list; the first when none is current. */
export function stepped(ids: readonly string[], current: string | null, by: 1 | -1): string | null {
  const at = current === null ? -1 : ids.indexOf(current);
  if (at < 0) return ids[0] ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? null;
}

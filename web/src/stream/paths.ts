/** Steps that a step lies in: of `build[2].code`, `build[2]` and `build`. */
export function parents(path: string): string[] {
  const found: string[] = [];
  for (let at = path.length - 1; at > 0; at--) {
    if (path[at] === "." || path[at] === "[") found.push(path.slice(0, at));
  }
  return found;
}

/** `build[2].code` is a turn of `build.code`. */
export function withoutIndices(path: string): string {
  return path.replace(/\[[0-9]+\]/g, "");
}

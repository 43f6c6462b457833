import type { Schemas } from "@/api/client";

export type Role = Schemas["Me"]["role"];
export type Permission = Schemas["Me"]["permissions"][number];

/** The permissions of a role, in the order of the table. */
export function permissionsOf(table: Schemas["RolesTable"], role: Role): Permission[] {
  return table.permissions.filter((each) => each.roles.includes(role)).map((each) => each.permission);
}

/** The roles that one may grant: those that allow nothing beyond one's own rights. */
export function grantable(table: Schemas["RolesTable"], own: readonly Permission[]): Role[] {
  const mine = new Set(own);
  return table.roles.filter((role) => permissionsOf(table, role).every((each) => mine.has(each)));
}

/** How a key stands now. */
export function standing(key: Schemas["KeyShown"], now: Date): "good" | "ends soon" | "ended" | "revoked" {
  if (key.revoked_at) return "revoked";
  if (!key.expires_at) return "good";
  const left = Date.parse(key.expires_at) - now.getTime();
  if (left <= 0) return "ended";
  return left < 7 * 86_400_000 ? "ends soon" : "good";
}

/** `If-Match` of what was read at a revision: what has changed since is left alone. */
export function seen(revision: number): { "if-match": string } {
  return { "if-match": `"r${revision}"` };
}

/** Types of events as people write them: with commas, blanks or lines between. */
export function typesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

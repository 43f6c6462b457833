import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { grantable, permissionsOf, seen, standing, typesOf } from "@/settings/rights";

const TABLE: Schemas["RolesTable"] = {
  roles: ["owner", "admin", "operator", "viewer"],
  permissions: [
    { permission: "runs:read", allows: "see runs", roles: ["owner", "admin", "operator", "viewer"] },
    { permission: "runs:start", allows: "start runs", roles: ["owner", "admin", "operator"] },
    { permission: "keys:write", allows: "make keys", roles: ["owner", "admin"] },
    { permission: "tenant:write", allows: "rename", roles: ["owner"] },
  ],
};

test("nobody is offered a role that can do more than himself", () => {
  expect(grantable(TABLE, permissionsOf(TABLE, "owner"))).toEqual(TABLE.roles);
  expect(grantable(TABLE, permissionsOf(TABLE, "admin"))).toEqual(["admin", "operator", "viewer"]);
  expect(grantable(TABLE, ["keys:write", "runs:read"])).toEqual(["viewer"]);
  expect(grantable(TABLE, ["keys:write"])).toEqual([]);
});

test("a key is good, ends soon, has ended or is revoked", () => {
  const now = new Date("2026-03-10T12:00Z");
  const key = (expires_at: string | null, revoked_at: string | null = null) =>
    standing({ expires_at, revoked_at } as Schemas["KeyShown"], now);
  expect(key(null)).toBe("good");
  expect(key("2026-03-17T12:00:00Z")).toBe("good");
  expect(key("2026-03-17T11:59:59Z")).toBe("ends soon");
  expect(key("2026-03-10T12:00:00Z")).toBe("ended");
  expect(key(null, "2026-03-01T00:00:00Z")).toBe("revoked");
});

test("types are read however they are parted, each once", () => {
  expect(typesOf(" stretto.run.*,\nstretto.run.* *  ")).toEqual(["stretto.run.*", "*"]);
  expect(typesOf("  ")).toEqual([]);
});

test("what was read is named as the server's ETag", () => {
  expect(seen(3)).toEqual({ "if-match": '"r3"' });
});

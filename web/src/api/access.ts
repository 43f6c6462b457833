/** How this browser shows who it is: by its session's cookie, or by a key that is kept for as long as the tab is open. */
const KEY = "stretto.key";
const TENANT = "stretto.tenant";

let csrf: string | null = null;

export function accessKey(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepAccessKey(key: string | null): void {
  sessionStorage.removeItem(TENANT);
  if (key === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

/** The token that a session's changes carry (`GET /auth/session`). */
export function keepCsrfToken(token: string | null): void {
  csrf = token;
}

/** The tenant of a person who is a member of several, for as long as the tab is open; null: the first. */
export function chosenTenant(): string | null {
  return sessionStorage.getItem(TENANT);
}

export function chooseTenant(name: string): void {
  sessionStorage.setItem(TENANT, name);
}

/** The headers that go with every request. */
export function accessHeaders(): Record<string, string> {
  const key = accessKey();
  const tenant = chosenTenant();
  return {
    ...(key ? { authorization: `Bearer ${key}` } : {}),
    ...(tenant ? { "x-stretto-tenant": tenant } : {}),
    ...(csrf ? { "x-stretto-csrf": csrf } : {}),
  };
}

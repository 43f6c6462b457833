/** How this browser shows who it is: by its session's cookie, or by a key that is kept for as long as the tab is open. */
const KEY = "stretto.key";

let csrf: string | null = null;

export function accessKey(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepAccessKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

/** The token that a session's changes carry (`GET /auth/session`). */
export function keepCsrfToken(token: string | null): void {
  csrf = token;
}

/** The headers that go with every request. */
export function accessHeaders(): Record<string, string> {
  const key = accessKey();
  return {
    ...(key ? { authorization: `Bearer ${key}` } : {}),
    ...(csrf ? { "x-stretto-csrf": csrf } : {}),
  };
}

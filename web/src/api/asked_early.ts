/** What `early.ts` has asked for before this script had come, each to be taken once. */
const asked = (window as { askedEarly?: Map<string, Promise<Response>> }).askedEarly;

/** Asks the server; what was asked early already is not asked again. */
export function ask(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const path = url.pathname + url.search;
  const early = request.method === "GET" ? asked?.get(path) : undefined;
  if (!early) return fetch(request);
  asked?.delete(path);
  return early;
}

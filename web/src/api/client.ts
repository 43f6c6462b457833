import createClient, { type Middleware } from "openapi-fetch";
import { accessHeaders } from "./access";
import { ask } from "./asked_early";
import { problemOf } from "./problem";
import type { components, paths } from "./schema";
import { noteServerTime } from "./server_clock";

export type Schemas = components["schemas"];

const guard: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(accessHeaders())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    noteServerTime(response.headers.get("date"));
    if (!response.ok) throw await problemOf(response);
  },
};

/** The API, typed by its OpenAPI document. Failed requests throw a `Problem`. */
export const api = createClient<paths>({ baseUrl: "/", fetch: ask, headers: { accept: "application/json" } });
api.use(guard);

/** The body of a successful answer. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}

/** Flows' documents and texts, asked for in one way by all pages of flows. */

import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/api/client";
import { isObject, type Schema } from "./input_field";

const NONE: Schema = {};
const AS_YAML = { "Content-Type": "application/yaml" };

/** The input schema of a flow's document: a schema for each name. */
export function inputOf(document: Readonly<Record<string, unknown>>): Schema {
  return isObject(document.input) ? document.input : NONE;
}

/** A flow's document; the latest unless a version is named. */
export function documentQuery(name: string, version?: number) {
  return queryOptions({
    queryKey: ["flows", name, "document", version ?? "latest"],
    queryFn: () =>
      body<Schemas["StoredFlow"]>(
        api.GET("/v1/flows/{name}", {
          params: { path: { name }, query: version === undefined ? {} : { version } },
          parseAs: "json",
        }) as Promise<{ data?: Schemas["StoredFlow"] }>, // the other form of the answer is its text
      ),
  });
}

/** A version's text, as YAML. */
export function textQuery(name: string, version: number) {
  return queryOptions({
    queryKey: ["flows", name, "text", version],
    staleTime: Number.POSITIVE_INFINITY, // a version never changes
    queryFn: async (): Promise<string> => {
      const { data } = await api.GET("/v1/flows/{name}", {
        params: { path: { name }, query: { version } },
        headers: { accept: "application/yaml" },
        parseAs: "text",
      });
      return data ?? "";
    },
  });
}

/** What is wrong with a flow's text. */
export function validateText(text: string, signal: AbortSignal): Promise<Schemas["Checked"]> {
  return body(
    api.POST("/v1/flows/validate", { body: text, bodySerializer: (sent) => String(sent), headers: AS_YAML, signal }),
  );
}

/** Stores a flow's text as its next version. */
export function saveText(text: string): Promise<Schemas["StoredFlow"]> {
  return body(api.POST("/v1/flows", { body: text, bodySerializer: (sent) => String(sent), headers: AS_YAML }));
}

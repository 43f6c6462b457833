import type { Schemas } from "@/api/client";
import { nameOf, sum, type UsageItem } from "./series";

/** What the gateway's own cache has answered on a route. `savedUsd` null: no call was made there to go by. */
export interface Answered {
  route: string;
  cached: number;
  made: number;
  savedUsd: number | null;
}

/** Input that a provider took from its cache, and what that was cheaper by. `savedUsd` null: the price is not known. */
export interface Discounted {
  deployment: string;
  cachedTokens: number;
  share: number;
  savedUsd: number | null;
}

/** By rows of routes: each cached answer is taken to have saved what a made call cost there on average. */
export function answered(rows: readonly UsageItem[]): Answered[] {
  return rows
    .filter((row) => row.cached > 0)
    .map((row) => {
      const made = row.calls - row.not_made;
      const savedUsd = made > 0 ? (Number(row.cost_usd) / made) * row.cached : null;
      return { route: nameOf(row, "route"), cached: row.cached, made, savedUsd };
    });
}

/** By rows of deployments: cached input tokens times how much less they cost, at the prices as they are now. */
export function discounted(
  rows: readonly UsageItem[],
  deployments: readonly Schemas["DeploymentListed"][],
): Discounted[] {
  const prices = new Map(deployments.map((each) => [each.name, each.price]));
  return rows
    .filter((row) => row.tokens.cached_input > 0)
    .map((row) => {
      const deployment = nameOf(row, "deployment");
      const { input, cached_input: cachedTokens, cache_write } = row.tokens;
      const price = prices.get(deployment);
      const less = price ? Number(price.input_usd) - Number(price.cached_input_usd) : null;
      return {
        deployment,
        cachedTokens,
        share: cachedTokens / sum([input, cachedTokens, cache_write]),
        savedUsd: less === null ? null : (cachedTokens * less) / 1e6,
      };
    });
}

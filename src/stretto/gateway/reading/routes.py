"""`routes:`: the model names that flows use, and which deployments answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stretto.documents.plain import Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Path, suggest
from stretto.gateway.config import CacheRule, Hedge, Route, Rung, Tier, Weighted
from stretto.gateway.reading.deployments import DeploymentReader
from stretto.gateway.reading.reader import ConfigReader, given
from stretto.gateway.reading.words import (
    CACHE_KEYS,
    HEDGE_KEYS,
    PREFERENCES,
    ROUTE_KEYS,
    RUNGS,
    SEMANTIC_KEYS,
    TIER_KEYS,
    WEIGHTED_KEYS,
)

EXAMPLE = "routes: {fast: [openai/gpt-4o-mini]}"
MOST_WEIGHT = 1_000_000.0
LAST_RUNGS: tuple[Rung, ...] = ("reject",)
"""What stands after one of these is never tried."""


class RouteReader:
    """Reads the routes; deployments and buckets are known by now."""

    def __init__(self, reader: ConfigReader, deployments: DeploymentReader, buckets: Sequence[str]) -> None:
        self.reader = reader
        self.deployments = deployments
        self.buckets = buckets

    def read(self, value: Json) -> dict[str, Route]:
        data = self.reader.named(("routes",), value, "route", EXAMPLE)
        if value is None or (is_mapping(value) and not data):
            self.reader.at_key(("routes",), "the configuration has no `routes`.", f"Add one: `{EXAMPLE}`.")
        routes: dict[str, Route] = {}
        for name, each in data.items():
            path = ("routes", name)
            if name in self.deployments.declared:
                self.reader.at_key(path, f"`{name}` names a deployment already.", "Give one of the two another name.")
            routes[name] = self._route(path, name, each)
        return routes

    def _route(self, path: Path, name: str, value: Json) -> Route:
        if isinstance(value, str):
            value = [value]
            path_of_list = None
        else:
            path_of_list = path
        if is_list(value):
            held = self._deployments(path, value, path_of_list is None)
            return Route(name, (Tier(held),))
        reader, what = self.reader, f"route `{name}`"
        data = reader.section(path, value, ROUTE_KEYS, what, f"{name}: [openai/gpt-4o-mini]")
        if data is None:
            return Route(name, ())
        tiers = self._tiers(path, what, data)
        prefer = reader.choice((*path, "prefer"), data["prefer"], "`prefer`", PREFERENCES) if "prefer" in data else None
        hedge = self._hedge((*path, "hedge"), data["hedge"]) if given(data, "hedge") else None
        different = {weighted.deployment.name for tier in tiers for weighted in tier.deployments}
        if hedge is not None and len(different) == 1:
            reader.at_key((*path, "hedge"), f"{what} has no second deployment to ask.", "Add one, or delete `hedge`.")
        return Route(
            name=name,
            tiers=tiers,
            prefer=prefer or "weight",
            local=reader.flag((*path, "local"), data["local"], "`local`") if "local" in data else False,
            cache=self._cache((*path, "cache"), data["cache"]) if given(data, "cache") else CacheRule(),
            hedge=hedge,
            bucket=self._bucket((*path, "bucket"), data["bucket"]) if given(data, "bucket") else None,
            when_short=self._ladder((*path, "when_short"), data["when_short"]) if given(data, "when_short") else None,
        )

    def _tiers(self, path: Path, what: str, data: Mapping[str, Json]) -> tuple[Tier, ...]:
        reader = self.reader
        if "deployments" in data and "tiers" in data:
            reader.at_key((*path, "tiers"), f"{what} has `deployments` and `tiers`.", "Keep one of them.")
        if "tiers" not in data:
            if "deployments" not in data:
                reader.at_key(path, f"{what} has no deployments.", "Add them: `deployments: [openai/gpt-4o-mini]`.")
                return ()
            return (Tier(self._deployments((*path, "deployments"), data["deployments"])),)
        tiers, at = data["tiers"], (*path, "tiers")
        if not is_list(tiers) or not tiers:
            reader.at_value(
                at,
                f"`tiers` is a list of at least one tier, but this is {'empty' if tiers == [] else kind_of(tiers)}.",
                "Write it like `tiers: [{up_to: 0.4, deployments: [small]}, {deployments: [large]}]`.",
            )
            return ()
        read: list[Tier] = []
        for number, each in enumerate(tiers):
            read.append(self._tier((*at, number), each, number == len(tiers) - 1, read))
        return tuple(read)

    def _tier(self, path: Path, value: Json, last: bool, before: Sequence[Tier]) -> Tier:
        reader = self.reader
        if is_list(value):
            value = {"deployments": value}
            data: dict[str, Json] | None = dict(value)
            at = path
        else:
            data = reader.section(path, value, TIER_KEYS, "a tier", "{up_to: 0.4, deployments: [small]}")
            at = (*path, "deployments")
        if data is None:
            return Tier(())
        up_to = 1.0
        if "up_to" in data:
            read = reader.number((*path, "up_to"), data["up_to"], "`up_to`", 0, 1)
            least = before[-1].max_complexity if before else 0.0
            if read is not None and read <= least:
                reader.at_value(
                    (*path, "up_to"),
                    f"`up_to` is {read:g}, but must be more than {least:g}, where the tier before ends."
                    if before
                    else f"`up_to` is {read:g}, but must be more than 0.",
                    "Order the tiers from the simplest requests to the hardest.",
                )
            up_to = 1.0 if read is None else read
        elif not last:
            reader.at_key(
                path,
                "a tier that is not the last has no `up_to`.",
                "Say up to which complexity it answers: `up_to: 0.4`.",
            )
            up_to = before[-1].max_complexity if before else 0.0
        if "deployments" not in data:
            reader.at_key(path, "this tier has no deployments.", "Add them: `deployments: [openai/gpt-4o-mini]`.")
            return Tier((), up_to)
        return Tier(self._deployments(at, data["deployments"]), up_to)

    def _deployments(self, path: Path, value: Json, single: bool = False) -> tuple[Weighted, ...]:
        reader = self.reader
        if isinstance(value, str):
            value, single = [value], True
        if not is_list(value) or not value:
            reader.at_value(
                path,
                "there are no deployments here."
                if value in ([], None)
                else f"deployments are a list of names, but this is {kind_of(value)}.",
                "Write it like `[openai/gpt-4o-mini]`.",
            )
            return ()
        held: list[Weighted] = []
        named: set[str] = set()
        for number, each in enumerate(value):
            at = path if single else (*path, number)
            name, weight, at_name = self._weighted(at, each)
            if name is None:
                continue
            if name in named:
                reader.at_value(
                    at_name, f"`{name[:120]}` stands here twice.", "Keep one of them; a `weight` says its share."
                )
                continue
            named.add(name)
            deployment = self.deployments.refer(at_name, name)
            if deployment is not None:
                held.append(Weighted(deployment, weight))
        return tuple(held)

    def _weighted(self, path: Path, value: Json) -> tuple[str | None, float, Path]:
        if not is_mapping(value):
            return self.reader.text(path, value, "a deployment's name"), 1.0, path
        data = self.reader.known_keys(path, value, WEIGHTED_KEYS, "a deployment of a route")
        weight = None
        if "weight" in data:
            weight = self.reader.positive((*path, "weight"), data["weight"], "`weight`", MOST_WEIGHT)
        at = (*path, "name")
        if "name" not in data:
            self.reader.at_key(path, "this deployment has no `name`.", "Write it like `{name: small, weight: 2}`.")
            return None, 1.0, at
        return self.reader.text(at, data["name"], "a deployment's name"), weight or 1.0, at

    def _cache(self, path: Path, value: Json) -> CacheRule:
        reader = self.reader
        if isinstance(value, str):  # cache: 1h
            return CacheRule(exact_ttl_s=reader.duration(path, value, "`cache`"))
        example = "cache: {exact: 1h, semantic: {similarity: 0.95, for: 1h}}"
        data = reader.section(path, value, CACHE_KEYS, "`cache`", example) or {}
        exact = reader.duration((*path, "exact"), data["exact"], "`exact`") if given(data, "exact") else None
        threshold, ttl_s = None, None
        if given(data, "semantic"):
            at = (*path, "semantic")
            semantic = reader.section(
                at, data["semantic"], SEMANTIC_KEYS, "`semantic`", "semantic: {similarity: 0.95, for: 1h}"
            )
            if semantic is not None:
                if "similarity" in semantic:
                    threshold = reader.number((*at, "similarity"), semantic["similarity"], "`similarity`", 0.5, 1)
                else:
                    reader.at_key(
                        at, "`semantic` has no `similarity`.", "Say how alike questions are: `similarity: 0.95`."
                    )
                if "for" in semantic:
                    ttl_s = reader.duration((*at, "for"), semantic["for"], "`for`")
        any_temperature = False
        if "any_temperature" in data:
            any_temperature = reader.flag((*path, "any_temperature"), data["any_temperature"], "`any_temperature`")
        return CacheRule(exact, threshold, ttl_s or CacheRule().semantic_ttl_s, any_temperature)

    def _hedge(self, path: Path, value: Json) -> Hedge | None:
        if value is True:
            return Hedge()
        if value is False:
            return None
        if isinstance(value, str):
            value, at = {"after": value}, path
        else:
            at = (*path, "after")
        data = self.reader.section(path, value, HEDGE_KEYS, "`hedge`", "hedge: {after: p95, least: 500ms}") or {}
        percentile = self._percentile(at, data["after"]) if "after" in data else None
        least_s = self.reader.duration((*path, "least"), data["least"], "`least`") if "least" in data else None
        return Hedge(percentile or Hedge().percentile, least_s or Hedge().least_s)

    def _percentile(self, path: Path, value: Json) -> float | None:
        text = str(value).lower()
        try:
            percentile = float(text[1:]) if text[:1] == "p" else 0.0
        except ValueError:
            percentile = 0.0
        if 50 <= percentile < 100:
            return percentile
        message = f"`after` is a percentile from `p50` to `p99.9`, but this is {kind_of(value)}."
        self.reader.at_value(path, message, "Write it like `p95`.")
        return None

    def _bucket(self, path: Path, value: Json) -> str | None:
        name = self.reader.text(path, value, "`bucket`")
        if name is not None and name not in self.buckets:
            otherwise = "" if self.buckets else f"Declare it: `buckets: {{{name[:80]}: {{}}}}` is the usual one."
            self.reader.at_value(path, f"there is no bucket `{name[:80]}`.", suggest(name, self.buckets, otherwise))
        return name

    def _ladder(self, path: Path, value: Json) -> tuple[Rung, ...]:
        if not is_list(value) or not value:
            self.reader.at_value(
                path,
                f"`when_short` is a list of what is tried in turn, but this is {'empty' if value == [] else kind_of(value)}.",
                "Write it like `[cheaper, cache, wait, defer]`.",
            )
            return ()
        ladder: list[Rung] = []
        for number, each in enumerate(value):
            rung = self.reader.choice((*path, number), each, "a rung of `when_short`", RUNGS)
            if rung is None:
                continue
            if rung in ladder:
                self.reader.at_value((*path, number), f"`{rung}` stands here twice.", "Keep the first.")
            elif ladder and ladder[-1] in LAST_RUNGS:
                self.reader.at_value(
                    (*path, number), f"`{rung}` is never tried after `{ladder[-1]}`.", "Delete it, or move it up."
                )
            else:
                ladder.append(rung)
        return tuple(ladder)

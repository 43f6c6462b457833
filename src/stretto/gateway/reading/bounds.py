"""`buckets:`, `budgets:`, `breaker:` and `prices:`: how much may be used, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from stretto.documents.plain import Json
from stretto.documents.problems import Path
from stretto.gateway.config import Breaker, Bucket, Budgets, Price
from stretto.gateway.reading.reader import PRICE_EXAMPLE, ConfigReader, given
from stretto.gateway.reading.words import BREAKER_KEYS, BUCKET_KEYS, BUDGET_KEYS

MOST = 1_000_000_000.0


def read_buckets(reader: ConfigReader, value: Json) -> dict[str, Bucket]:
    """The buckets by name."""
    data = reader.named(("buckets",), value, "bucket", "buckets: {models: {capacity: 30, refill_per_minute: 2.5}}")
    return {name: _bucket(reader, ("buckets", name), name, each) for name, each in data.items()}


def _bucket(reader: ConfigReader, path: Path, name: str, value: Json) -> Bucket:
    usual = Bucket(name)
    data = reader.section(path, value, BUCKET_KEYS, f"bucket `{name}`", f"{name}: {{capacity: 30}}") or {}
    capacity, refill = (
        reader.positive((*path, key), data[key], f"`{key}`", MOST) if given(data, key) else None
        for key in ("capacity", "refill_per_minute")
    )
    reserve = (
        reader.number((*path, "reserve"), data["reserve"], "`reserve`", 0, MOST) if given(data, "reserve") else None
    )
    skip = (
        reader.number((*path, "skip_below"), data["skip_below"], "`skip_below`", 0, 1)
        if given(data, "skip_below")
        else None
    )
    defer_s = reader.duration((*path, "defer"), data["defer"], "`defer`") if given(data, "defer") else None
    bucket = Bucket(
        name,
        usual.capacity if capacity is None else capacity,
        usual.refill_per_minute if refill is None else refill,
        usual.reserve if reserve is None else reserve,
        usual.skip_below if skip is None else skip,
        usual.defer_s if defer_s is None else defer_s,
    )
    if bucket.capacity - bucket.reserve < 1 and (reserve is not None or capacity is not None):
        at = "reserve" if reserve is not None else "capacity"
        reader.at_value(
            (*path, at),
            f"a reserve of {bucket.reserve:g} leaves less than one call of a capacity of {bucket.capacity:g} to P1 and below.",
            "Lower `reserve`, or raise `capacity`.",
        )
    return bucket


def read_budgets(reader: ConfigReader, value: Json) -> Budgets:
    """What may be spent in a month."""
    path: Path = ("budgets",)
    data = reader.section(path, value, BUDGET_KEYS, "`budgets`", "budgets: {month: 100 usd}") or {}
    month = reader.usd((*path, "month"), data["month"], "`month`") if given(data, "month") else None
    tenants: dict[str, Decimal] = {}
    at = (*path, "tenants")
    for name, each in (
        reader.mapping(at, data.get("tenants"), "`tenants`", "tenants: {research: 20 usd}") or {}
    ).items():
        usd = reader.usd((*at, name), each, f"the budget of `{name[:80]}`")
        if usd is not None:
            tenants[name] = usd
    spending = reader.usd((*path, "spending"), data["spending"], "`spending`") if given(data, "spending") else None
    return Budgets(month, tenants, spending)


def read_breaker(reader: ConfigReader, value: Json) -> Breaker:
    """When a deployment is left alone."""
    path: Path = ("breaker",)
    usual = Breaker()
    data = reader.section(path, value, BREAKER_KEYS, "`breaker`", "breaker: {failures: 5, open: 10s}") or {}
    failures, window = (
        reader.whole((*path, key), data[key], f"`{key}`", least, 1_000_000) if given(data, key) else None
        for key, least in (("failures", 1), ("window", 2))
    )
    rate = (
        reader.number((*path, "error_rate"), data["error_rate"], "`error_rate`", 0.01, 1)
        if given(data, "error_rate")
        else None
    )
    open_s, max_open_s = (
        reader.duration((*path, key), data[key], f"`{key}`") if given(data, key) else None
        for key in ("open", "max_open")
    )
    breaker = Breaker(
        failures or usual.failures,
        rate or usual.error_rate,
        window or usual.window,
        open_s or usual.open_s,
        max_open_s or usual.max_open_s,
    )
    if breaker.max_open_s < breaker.open_s:
        if max_open_s is not None:
            reader.at_value(
                (*path, "max_open"), f"`max_open` is shorter than `open` ({breaker.open_s:g}s).", "Make it longer."
            )
        breaker = replace(breaker, max_open_s=breaker.open_s)
    return breaker


def read_prices(reader: ConfigReader, value: Json) -> dict[str, Price]:
    """Prices by model, in place of those that ship with Stretto."""
    data = reader.named(("prices",), value, "model", f"prices: {{my-model: {PRICE_EXAMPLE}}}")
    read = {name: reader.price(("prices", name), each, f"the price of `{name}`") for name, each in data.items()}
    return {name: price for name, price in read.items() if price is not None}

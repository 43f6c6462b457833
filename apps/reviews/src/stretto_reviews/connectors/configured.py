"""Which connectors a tenant has: those whose settings are among its secrets, or, for the tenant of a local installation, in the
environment.

`stretto tools secret set reviews-klaviyo-key` sets one; `STRETTO_REVIEWS_KLAVIYO_KEY` is its name in the environment, which
counts for the default tenant alone, so that no tenant's customers are told of under another's account.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from stretto.errors import Invalid, ToolRefused
from stretto.events.webhooks import Places
from stretto.gateway.keys import Key
from stretto.store import DEFAULT_TENANT
from stretto_reviews.connectors import klaviyo, yotpo
from stretto_reviews.connectors.client import Client
from stretto_reviews.connectors.klaviyo import Klaviyo
from stretto_reviews.connectors.port import Connector, Delivery
from stretto_reviews.connectors.qrvey import Pages, Qrvey
from stretto_reviews.connectors.shopify import SHOP, Shopify
from stretto_reviews.connectors.yotpo import Yotpo

if TYPE_CHECKING:
    import aiohttp

    from stretto import Platform

NEEDED: Mapping[str, tuple[str, ...]] = {
    "klaviyo": ("key",),
    "yotpo": ("key", "guid"),
    "shopify": ("key", "shop"),
    "qrvey": ("key", "url"),
}
"""What a connector is off without."""
ALSO: Mapping[str, tuple[str, ...]] = {
    "klaviyo": ("url",),
    "yotpo": ("url",),
    "shopify": ("url",),
    "qrvey": ("sentiment-trends", "customer-ltv", "inventory-alerts"),
}
"""What else can be set: other addresses, and Qrvey's ids of the data sets."""
PREFIX = "reviews-"


async def settings_of(
    platform: Platform, tenant_id: UUID, environment: Mapping[str, str] | None = None
) -> dict[str, Key]:
    """A tenant's settings of connectors, by the names of their secrets. Raises `NotPossible` for one that cannot be opened."""
    known = {
        f"{PREFIX}{name}-{field}" for table in (NEEDED, ALSO) for name, fields in table.items() for field in fields
    }
    found: dict[str, Key] = {}
    if tenant_id == DEFAULT_TENANT:
        for name in known:
            value = (os.environ if environment is None else environment).get(variable(name))
            if value:
                found[name] = Key(value)
    # The names alone first: most tenants have none of them, and each secret is a query.
    after: str | None = None
    while names := await platform.tool_secrets.names(tenant_id, after=after):
        for each in names:
            if each.name in known and (key := await platform.tool_secrets.find(tenant_id, each.name)) is not None:
                found[each.name] = key
        after = names[-1].name
    return found


def variable(name: str) -> str:
    """The environment's name of a setting."""
    return "STRETTO_" + name.upper().replace("-", "_")


def connectors_of(
    session: aiohttp.ClientSession, places: Places, settings: Mapping[str, Key], pages: Pages
) -> dict[str, Connector]:
    """The connectors that these settings turn on, by name."""
    found: dict[str, Connector] = {}
    for name, make in _MAKERS.items():
        own = {
            key.removeprefix(f"{PREFIX}{name}-"): value
            for key, value in settings.items()
            if key.startswith(f"{PREFIX}{name}-")
        }
        if all(own.get(each) for each in NEEDED[name]) or (name == "shopify" and own.get("key") and own.get("url")):
            secrets = {f"{PREFIX}{name}-{each}": own[each] for each in ("key", "guid") if each in own}
            try:
                found[name] = make(Client(session, places, name.capitalize(), secrets), own, pages)
            except Invalid as error:
                found[name] = Misconfigured(name, error.message)
    return found


class Misconfigured:
    """A connector whose settings cannot be used: says so to each delivery."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    async def send(self, delivery: Delivery) -> None:
        """Raises `ToolRefused`."""
        raise ToolRefused(self._reason)


def _klaviyo(client: Client, own: Mapping[str, Key], pages: Pages) -> Connector:
    return Klaviyo(client, own["key"], _plain(own, "url") or klaviyo.URL)


def _yotpo(client: Client, own: Mapping[str, Key], pages: Pages) -> Connector:
    return Yotpo(client, own["key"], own["guid"], _plain(own, "url") or yotpo.URL)


def _shopify(client: Client, own: Mapping[str, Key], pages: Pages) -> Connector:
    url, shop = _plain(own, "url"), _plain(own, "shop").lower()
    if not url and not SHOP.fullmatch(shop):
        raise Invalid("reviews-shopify-shop is no shop's name. It looks like my-shop.myshopify.com.")
    return Shopify(client, own["key"], url or f"https://{shop}")


def _qrvey(client: Client, own: Mapping[str, Key], pages: Pages) -> Connector:
    datasets = {name.replace("-", "_"): own[name].reveal() for name in ALSO["qrvey"] if name in own}
    return Qrvey(client, own["key"], own["url"].reveal(), datasets, pages)


def _plain(own: Mapping[str, Key], name: str) -> str:
    return own[name].reveal() if name in own else ""


_MAKERS: Mapping[str, Callable[[Client, Mapping[str, Key], Pages], Connector]] = {
    "klaviyo": _klaviyo,
    "yotpo": _yotpo,
    "shopify": _shopify,
    "qrvey": _qrvey,
}

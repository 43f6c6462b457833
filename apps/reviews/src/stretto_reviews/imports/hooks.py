"""Takes the events of hook sources: each once, in one transaction with what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from uuid import UUID

import structlog

from stretto import Platform
from stretto.events import Event, Group, Subscription, processed_once
from stretto_reviews.imports.store import begin_within, put_order, put_product, put_within
from stretto_reviews.imports.webhooks import PayloadUnread, from_shopify_order, from_shopify_product, synup_fields

HOOKS = Group("reviews-hooks")
TYPES = ("hook.synup", "hook.shopify")
"""Events of sources whose names begin so."""
Started = Callable[[UUID, UUID], Awaitable[object]]
"""Hears of a tenant's import that is ready to be taken, once its rows are there. It may be told of the same one twice."""

log = structlog.get_logger(__name__)


def subscriptions(platform: Platform, started: Started | None = None) -> list[Subscription]:
    """What takes the webhooks of Synup and Shopify. `started` begins the taking of a review's import."""

    async def take(event: Event) -> None:
        await take_hook(platform, event, started)

    return [Subscription(HOOKS, take, types=TYPES)]


async def take_hook(platform: Platform, event: Event, started: Started | None = None) -> None:
    """Take one event of a hook source. Raises `PayloadUnread` for what is not as its sender says."""
    body: object = event.data.get("body")
    if not isinstance(body, Mapping):
        raise PayloadUnread("The webhook's body is no JSON object.")
    payload = cast("Mapping[str, Any]", body)
    if event.type.startswith("hook.synup"):
        await _take_review(platform, event, payload)
        if started is not None:
            # Told also when the event came before: whoever died between the rows and this has not told it.
            await started(event.tenant_id, event.id)
        return
    topic = str(event.data.get("event", ""))
    if topic.startswith("orders/") and topic != "orders/delete":
        if payload.get("test") is True:
            return
        order = from_shopify_order(payload)
        async with platform.database.tenant(event.tenant_id) as connection:
            if await processed_once(connection, HOOKS, event.id):
                await put_order(connection, event.tenant_id, order)
    elif topic in ("products/create", "products/update"):
        product = from_shopify_product(payload)
        async with platform.database.tenant(event.tenant_id) as connection:
            if await processed_once(connection, HOOKS, event.id):
                await put_product(connection, event.tenant_id, product)
    else:
        log.info("a webhook of Shopify says nothing that is of use here", topic=topic[:80])


async def _take_review(platform: Platform, event: Event, payload: Mapping[str, Any]) -> None:
    """An import of one row, under the event's id. What cannot be taken of it is rejected there, as of any import."""
    async with platform.database.tenant(event.tenant_id) as connection:
        if await processed_once(connection, HOOKS, event.id):
            await begin_within(connection, event.tenant_id, str(event.data.get("source", "synup")), event.id)
            await put_within(connection, event.tenant_id, event.id, [(1, synup_fields(payload, event.at))])

"""The only Python that runs the SQL of webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from stretto.errors import NotFound, NotPossible, PreconditionFailed
from stretto.events.event import Event
from stretto.events.store import put_events
from stretto.store import Database, load_queries
from stretto.store.idempotency import Once, claim

_Q = load_queries("stretto.events.webhooks")
_encode = msgspec.json.Encoder().encode
MOST_WEBHOOKS = 100
"""So many webhooks a tenant may have: each multiplies its events."""
Told = Callable[[AsyncConnection[TupleRow], UUID, str, Mapping[str, Any]], Awaitable[None]]
"""Hears of an event that comes in, by its tenant, type and data, in the transaction that writes it."""
DeliveryStatus = Literal["pending", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a tenant's events of some types are sent to. Its secret is nowhere but in the answer that made it."""

    id: UUID
    url: str
    types: list[str]
    description: str
    active: bool
    disabled_reason: str | None
    failing_since: datetime | None
    revision: int
    created_by: str
    created_at: datetime
    rotated_at: datetime | None
    before_until: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook, and what the last attempt met with."""

    event_id: UUID
    webhook_id: UUID
    type: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime | None
    created_at: datetime
    last_at: datetime | None
    response_code: int | None
    response_text: str | None
    duration_ms: int | None
    error: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process has in hand."""

    tenant_id: UUID
    webhook_id: UUID
    event_id: UUID
    attempts: int
    body: str
    url: str
    active: bool
    secret: bytes | None = field(repr=False)
    secret_before: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt met with. `pause_s` None: it is over; `gone`: the receiver wants nothing more."""

    status: DeliveryStatus
    pause_s: float | None = None
    response_code: int | None = None
    response_text: str | None = None
    duration_ms: int | None = None
    error: str | None = None
    gone: bool = False
    counts: bool = True
    """Whether it says something about the receiver."""


@dataclass(frozen=True, slots=True)
class Source:
    """From where webhooks come in. `public_id` stands in its address."""

    public_id: str
    name: str
    scheme: str
    active: bool
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FoundSource:
    """What a public id leads to."""

    tenant_id: UUID
    name: str
    scheme: str
    secret: bytes = field(repr=False)


class WebhookStore:
    """Webhooks, deliveries and sources in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Out: from events to deliveries, and what became of them

    async def tenants(self) -> tuple[datetime, set[UUID]]:
        """The tenants with webhooks that are on, and when it was so."""
        moment, tenants = (await self._all(None, "tenants"))[0]
        return moment, set(tenants)

    async def plan(self, event: Event) -> int:
        """Write down the deliveries of an event; gives how many are new."""
        values = {"event_id": event.id, "type": event.type, "body": _encode(event.cloudevent()).decode()}
        return await self._count(event.tenant_id, "plan", **values)

    async def test(self, webhook_id: UUID, event: Event) -> None:
        """Send an event to one webhook. Raises `NotPossible` when it is off."""
        body = _encode(event.cloudevent()).decode()
        values = {"webhook_id": webhook_id, "event_id": event.id, "type": event.type, "body": body}
        if not await self._all(event.tenant_id, "test", **values):
            raise NotPossible("This webhook is off. Turn it on with `PATCH` and `active`.")

    async def claim(
        self, me: UUID, lease_s: float, most: int, per_webhook: int, busy: Mapping[UUID, int]
    ) -> list[Claimed]:
        """Take what is due, for so long."""
        told = _encode({str(webhook_id): count for webhook_id, count in busy.items()}).decode()
        rows = await self._all(None, "claim", me=me, lease_s=lease_s, most=most, per_webhook=per_webhook, busy=told)
        return [Claimed(*row) for row in rows]

    async def settle(self, me: UUID, claimed: Claimed, outcome: Outcome, patience_s: float) -> bool:
        """Write down what became of an attempt; gives whether the webhook was disabled for it."""
        place = {"tenant_id": claimed.tenant_id, "webhook_id": claimed.webhook_id}
        values = {
            **place,
            "event_id": claimed.event_id,
            "me": me,
            "status": outcome.status,
            "pause_s": outcome.pause_s,
            "response_code": outcome.response_code,
            "response_text": outcome.response_text,
            "duration_ms": outcome.duration_ms,
            "error": outcome.error,
        }
        async with self._database.tenant(claimed.tenant_id) as connection:
            settled = await (await connection.execute(_Q["settle"], values)).fetchone()
            if settled is None or not outcome.counts:
                return False
            if outcome.status == "succeeded":
                await connection.execute(_Q["note_success"], place)
                return False
            await connection.execute(_Q["note_failure"], place)
            reason = (
                "The receiver answered 410 Gone."
                if outcome.gone
                else f"The receiver has failed for {patience_s / 86_400:g} days."
            )
            given = {**place, "reason": reason, "gone": outcome.gone, "patience_s": patience_s}
            if await (await connection.execute(_Q["disable"], given)).fetchone() is None:
                return False
            await connection.execute(_Q["end_pending"], {**place, "error": f"The webhook was disabled. {reason}"})
            data = {"webhook_id": str(claimed.webhook_id), "reason": reason}
            told = {"type": "stretto.webhook.disabled", "subject": f"webhooks/{claimed.webhook_id}", "data": data}
            await put_events(connection, [told])
            return True

    # Webhooks of a tenant

    async def add(self, tenant_id: UUID, values: Mapping[str, Any], once: Once | None = None) -> None:
        """A new webhook. Raises `NotPossible` when there are too many, `IdempotencyConflict` for a key that was used."""
        async with self._database.tenant(tenant_id) as connection:
            await claim(connection, tenant_id, once, "webhook", str(values["id"]), shown_once=True)
            row = await (await connection.execute(_Q["count_webhooks"], {"tenant_id": tenant_id})).fetchone()
            if row is not None and row[0] >= MOST_WEBHOOKS:
                raise NotPossible(f"There are {MOST_WEBHOOKS} webhooks already. Remove one first.")
            await connection.execute(_Q["add_webhook"], {"tenant_id": tenant_id, **values})

    async def webhooks(
        self, tenant_id: UUID, *, id: UUID | None = None, before: UUID | None = None, limit: int = 50
    ) -> list[Webhook]:
        """The tenant's webhooks, latest first, or the one of this id."""
        values = {"tenant_id": tenant_id, "id": id, "before": before, "limit": limit}
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Webhook)) as cursor,
        ):
            await cursor.execute(_Q["webhooks"], values)
            return await cursor.fetchall()

    async def change(self, tenant_id: UUID, webhook_id: UUID, changes: Mapping[str, Any], revision: int | None) -> None:
        """Change a webhook. Raises `NotFound` or `PreconditionFailed`."""
        named = dict.fromkeys(("url", "types", "description", "active"))
        values = {**named, **changes, "tenant_id": tenant_id, "id": webhook_id, "revision": revision}
        async with self._database.tenant(tenant_id) as connection:
            if await (await connection.execute(_Q["change_webhook"], values)).fetchone() is None:
                await self._missed(tenant_id, webhook_id)
            if changes.get("active") is False:
                ended = {"tenant_id": tenant_id, "webhook_id": webhook_id, "error": "The webhook was turned off."}
                await connection.execute(_Q["end_pending"], ended)

    async def remove(self, tenant_id: UUID, webhook_id: UUID, revision: int | None) -> None:
        """Remove a webhook. Raises `NotFound` or `PreconditionFailed`."""
        values = {"tenant_id": tenant_id, "id": webhook_id, "revision": revision}
        async with self._database.tenant(tenant_id) as connection:
            if await (await connection.execute(_Q["remove_webhook"], values)).fetchone() is None:
                await self._missed(tenant_id, webhook_id)
            ended = {"tenant_id": tenant_id, "webhook_id": webhook_id, "error": "The webhook was removed."}
            await connection.execute(_Q["end_pending"], ended)

    async def _missed(self, tenant_id: UUID, webhook_id: UUID) -> None:
        raise PreconditionFailed if await self.webhooks(tenant_id, id=webhook_id) else no_webhook(webhook_id)

    async def rotate(self, tenant_id: UUID, webhook_id: UUID, secret: bytes, overlap_s: float) -> None:
        """Another secret, beside the old one for so long. Raises `NotFound`."""
        if not await self._all(tenant_id, "rotate", id=webhook_id, secret=secret, overlap_s=overlap_s):
            raise no_webhook(webhook_id)

    async def deliveries(
        self,
        tenant_id: UUID,
        webhook_id: UUID,
        *,
        event_id: UUID | None = None,
        before: UUID | None = None,
        status: DeliveryStatus | None = None,
        type_: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """A webhook's deliveries, latest events first, or the one of this event."""
        values = {"tenant_id": tenant_id, "webhook_id": webhook_id, "event_id": event_id, "before": before}
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Delivery)) as cursor,
        ):
            await cursor.execute(_Q["deliveries"], {**values, "status": status, "type": type_, "limit": limit})
            return await cursor.fetchall()

    async def send_again(
        self, tenant_id: UUID, webhook_id: UUID, *, event_id: UUID | None = None, since: UUID | None = None
    ) -> int:
        """Send one event again, or all that failed from an id on; gives how many."""
        return await self._count(tenant_id, "send_again", webhook_id=webhook_id, event_id=event_id, since=since)

    # In

    async def add_source(self, tenant_id: UUID, values: Mapping[str, Any], once: Once | None = None) -> str:
        """A new source; gives its public id, or that of the one that the same request made before.

        Raises `NotPossible` when the name is taken, `IdempotencyConflict` for a key that stands for another request.
        """
        async with self._database.tenant(tenant_id) as connection:
            earlier = await claim(connection, tenant_id, once, "hook source", values["public_id"])
            if earlier is not None:
                return earlier
            cursor = await connection.execute(_Q["add_source"], {"tenant_id": tenant_id, **values})
            if await cursor.fetchone() is None:
                raise NotPossible(
                    f"There is a source {values['name']!r} already. Choose another name, or remove it first."
                )
        return values["public_id"]

    async def sources(self, tenant_id: UUID, *, after: str | None = None, limit: int = 50) -> list[Source]:
        """The tenant's sources, in the order of their names."""
        return [Source(*row) for row in await self._all(tenant_id, "sources", after=after, limit=limit)]

    async def remove_source(self, tenant_id: UUID, name: str) -> None:
        """Remove a source. Raises `NotFound`."""
        if not await self._all(tenant_id, "remove_source", name=name):
            raise NotFound(f"There is no source {name!r}. `GET /v1/hook-sources` lists them.")

    async def find_source(self, public_id: str) -> FoundSource | None:
        """The source of a public id, whoever's it is."""
        rows = await self._all(None, "find_source", public_id=public_id)
        return FoundSource(*rows[0]) if rows else None

    async def receive(
        self, tenant_id: UUID, public_id: str, key: str, event: Mapping[str, Any], told: Told | None
    ) -> bool:
        """Write an event, once for each key; gives whether it was the first time. `told` is part of the transaction."""
        async with self._database.tenant(tenant_id) as connection:
            values = {"tenant_id": tenant_id, "source": public_id, "key": key}
            if await (await connection.execute(_Q["receive"], values)).fetchone() is None:
                return False
            await put_events(connection, [event])
            if told is not None:
                await told(connection, tenant_id, event["type"], event["data"])
            return True

    async def forget_receipts(self, remember_s: float) -> int:
        """Forget what came in longer ago; gives how many."""
        return int((await self._all(None, "forget_receipts", remember_s=remember_s))[0][0])

    async def _count(self, tenant_id: UUID, query: str, **values: Any) -> int:
        async with self._database.tenant(tenant_id) as connection:
            return (await connection.execute(_Q[query], {"tenant_id": tenant_id, **values})).rowcount

    async def _all(self, tenant_id: UUID | None, query: str, **values: Any) -> list[TupleRow]:
        transaction = self._database.system() if tenant_id is None else self._database.tenant(tenant_id)
        async with transaction as connection:
            cursor = await connection.execute(_Q[query], {"tenant_id": tenant_id, **values})
            return await cursor.fetchall() if cursor.description else []


def no_webhook(webhook_id: UUID) -> NotFound:
    """The error for an id that is not there."""
    return NotFound(f"There is no webhook {webhook_id}. `GET /v1/webhooks` lists them.")

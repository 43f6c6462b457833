"""The door to a tenant's webhooks: made, changed, tried out, and what became of each delivery."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from stretto.errors import Invalid, NotFound, NotPossible
from stretto.events.event import Event
from stretto.events.webhooks.places import Places
from stretto.events.webhooks.sealing import Seal
from stretto.events.webhooks.signing import new_secret
from stretto.events.webhooks.store import Delivery, DeliveryStatus, Webhook, WebhookStore, no_webhook
from stretto.store import Database, uuid7_floor
from stretto.store.idempotency import Once
from stretto.store.ids import new_id

MOST_TYPES = 50
MAX_DESCRIPTION_CHARS = 200
OVERLAP_S = 86_400
_TYPE = re.compile(r"\*|[A-Za-z0-9][A-Za-z0-9._-]{0,120}|[A-Za-z0-9][A-Za-z0-9._-]{0,118}\.\*")


class Webhooks:
    """A tenant's webhooks."""

    def __init__(self, database: Database, seal: Seal, places: Places, tenant_id: UUID) -> None:
        self._store = WebhookStore(database)
        self._seal = seal
        self._places = places
        self._tenant_id = tenant_id

    async def list(self, *, before: UUID | None = None, limit: int = 50) -> list[Webhook]:
        """Webhooks, latest first."""
        return await self._store.webhooks(self._tenant_id, before=before, limit=limit)

    async def get(self, webhook_id: UUID) -> Webhook:
        """One webhook. Raises `NotFound`."""
        found = await self._store.webhooks(self._tenant_id, id=webhook_id)
        if not found:
            raise no_webhook(webhook_id)
        return found[0]

    async def add(
        self, url: str, types: Sequence[str], *, description: str = "", by: str = "", once: Once | None = None
    ) -> tuple[Webhook, str]:
        """Make a webhook; gives it and its secret, which nobody can show again. Raises `Invalid` or `NotPossible`."""
        self._places.check_url(url)
        check_types(types)
        check_description(description)
        webhook_id, secret = new_id(), new_secret()
        values = {
            "id": webhook_id,
            "url": url,
            "types": list(dict.fromkeys(types)),
            "description": description,
            "secret": await self._seal.seal(self._tenant_id, str(webhook_id), secret),
            "by": by,
        }
        await self._store.add(self._tenant_id, values, once)
        return await self.get(webhook_id), secret

    async def change(
        self,
        webhook_id: UUID,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        description: str | None = None,
        active: bool | None = None,
        revision: int | None = None,
    ) -> Webhook:
        """Change what is not None. What waits for a webhook that is turned off is not sent.

        Raises `Invalid`, `NotFound`, or `PreconditionFailed` when it is of another revision.
        """
        if url is not None:
            self._places.check_url(url)
        if types is not None:
            check_types(types)
        if description is not None:
            check_description(description)
        changes: dict[str, object] = {"url": url, "description": description, "active": active}
        changes["types"] = None if types is None else list(dict.fromkeys(types))
        await self._store.change(self._tenant_id, webhook_id, changes, revision)
        return await self.get(webhook_id)

    async def remove(self, webhook_id: UUID, *, revision: int | None = None) -> None:
        """Remove a webhook. Raises `NotFound` or `PreconditionFailed`."""
        await self._store.remove(self._tenant_id, webhook_id, revision)

    async def rotate(self, webhook_id: UUID, overlap_s: float = OVERLAP_S) -> str:
        """Another secret, which is shown now and never again; for `overlap_s` the old one signs, too. Raises `NotFound`."""
        secret = new_secret()
        sealed = await self._seal.seal(self._tenant_id, str(webhook_id), secret)
        await self._store.rotate(self._tenant_id, webhook_id, sealed, overlap_s)
        return secret

    async def test(self, webhook_id: UUID) -> Delivery:
        """Send an event that says nothing, to this webhook alone. Raises `NotFound` or `NotPossible`."""
        await self.get(webhook_id)
        event = Event(
            id=new_id(),
            tenant_id=self._tenant_id,
            type="stretto.webhook.tested",
            subject=f"webhooks/{webhook_id}",
            at=datetime.now(UTC),
            data={"webhook_id": str(webhook_id)},
        )
        await self._store.test(webhook_id, event)
        return await self.delivery(webhook_id, event.id)

    async def deliveries(
        self,
        webhook_id: UUID,
        *,
        before: UUID | None = None,
        status: DeliveryStatus | None = None,
        type_: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Deliveries, latest events first. Raises `NotFound`."""
        await self.get(webhook_id)
        return await self._store.deliveries(
            self._tenant_id, webhook_id, before=before, status=status, type_=type_, limit=limit
        )

    async def delivery(self, webhook_id: UUID, event_id: UUID) -> Delivery:
        """One delivery. Raises `NotFound`."""
        found = await self._store.deliveries(self._tenant_id, webhook_id, event_id=event_id)
        if not found:
            raise NotFound(f"There is no delivery of event {event_id} to webhook {webhook_id}.")
        return found[0]

    async def send_again(self, webhook_id: UUID, *, event_id: UUID | None = None, since: datetime | None = None) -> int:
        """Send one event again, or all that failed of events since a time; gives how many.

        Raises `NotFound`, or `NotPossible` when the webhook is off, or the one event is on its way already.
        """
        if (event_id is None) == (since is None):
            raise Invalid("Name one event, or a time since which those that failed are sent again.")
        if not (await self.get(webhook_id)).active:
            raise NotPossible("This webhook is off. Turn it on with `PATCH` and `active`, then send again.")
        floor = None if since is None else uuid7_floor(since)
        count = await self._store.send_again(self._tenant_id, webhook_id, event_id=event_id, since=floor)
        if event_id is not None and not count:
            await self.delivery(webhook_id, event_id)
            raise NotPossible("This delivery is on its way already.")
        return count


def check_types(types: Sequence[str]) -> None:
    """Raises `Invalid` for what are no types of events."""
    if not 1 <= len(types) <= MOST_TYPES:
        raise Invalid(f"A webhook names 1 to {MOST_TYPES} types of events; `*` stands for all.")
    for each in types:
        if not _TYPE.fullmatch(each):
            raise Invalid(
                f"{each[:100]!r} is no type of events. It looks like stretto.run.completed, or stretto.run.* for all of runs."
            )


def check_description(description: str) -> None:
    """Raises `Invalid` for a description that is too long or not printable."""
    if len(description) > MAX_DESCRIPTION_CHARS or not description.isprintable():
        raise Invalid(f"A description has at most {MAX_DESCRIPTION_CHARS} characters, all of them printable.")

"""Sends what is planned: claimed in batches by whichever process, each under its key, again after a pause where it may pass.

Whoever dies between sending and noting it leaves the delivery claimed until its lease is over; then it is sent again under the
same key, which the connectors use so that it counts once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from stretto import Platform, StrettoError
from stretto.errors import Transient
from stretto.events.webhooks import Places, open_session
from stretto_reviews.connectors import store
from stretto_reviews.connectors.configured import connectors_of, settings_of
from stretto_reviews.connectors.port import Connector, Delivery
from stretto_reviews.qrvey import pages_of

if TYPE_CHECKING:
    import aiohttp

MOST_ATTEMPTS = 5
FIRST_PAUSE_S = 30.0
FACTOR = 4.0
JITTER = 0.2
BATCH = 20
MOST_TURNS = 50
LEASE_S = 180.0
LEAVE_S = 60.0
"""So long before its lease ends a batch is left: the next request may take as long as its time-out."""
TIMEOUT_S = 15.0
POLL_S = 2.0
MOST_TENANTS = 1_000
MOST_TENANTS_AT_ONCE = 8
SETTINGS_STAND_S = 15.0

log = structlog.get_logger(__name__)


async def deliver(platform: Platform) -> None:
    """Send what is due, for all tenants, until it is cancelled. Runs beside a worker; any number may."""
    await Deliverer(platform).run()


class Deliverer:
    """One process's part in sending."""

    def __init__(
        self,
        platform: Platform,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        first_pause_s: float = FIRST_PAUSE_S,
        settings_stand_s: float = SETTINGS_STAND_S,
    ) -> None:
        self._platform = platform
        self._database = platform.database
        self._environment = environment
        self._timeout_s = timeout_s
        self._first_pause_s = first_pause_s
        self._settings_stand_s = settings_stand_s
        settings = platform.settings
        self._places = Places(local=settings.auth == "local", private=settings.webhook_allow_private)
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[UUID, tuple[float, dict[str, Connector]]] = {}
        self._busy: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send until it is cancelled; what is on its way then is sent again when its lease is over."""
        try:
            while True:
                for tenant_id in await store.due_tenants(self._database, MOST_TENANTS):
                    if len(self._busy) >= MOST_TENANTS_AT_ONCE:
                        break
                    if tenant_id not in self._busy:
                        self._begin(tenant_id)
                await asyncio.sleep(POLL_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop what is under way, and give the connections back."""
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _begin(self, tenant_id: UUID) -> None:
        task = asyncio.create_task(self._turns(tenant_id), name="reviews deliveries")
        self._busy[tenant_id] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._busy.pop(tenant_id, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error(
                    "deliveries have met a fault; they are tried again", tenant_id=str(tenant_id), error=repr(error)
                )

        task.add_done_callback(ended)

    async def _turns(self, tenant_id: UUID) -> None:
        """Send batches while there is a full one; then other tenants have their turn."""
        for _ in range(MOST_TURNS):
            if await self.turn(tenant_id) < BATCH:
                return

    async def turn(self, tenant_id: UUID) -> int:
        """Send one batch of a tenant's deliveries: each connector's one after the other, the connectors side by side.

        Gives how many there were.
        """
        connectors = await self._connectors(tenant_id)
        until = time.monotonic() + LEASE_S - LEAVE_S
        batches: dict[str, list[Delivery]] = defaultdict(list)
        claimed = await store.claim(self._database, tenant_id, BATCH, LEASE_S)
        for delivery in claimed:
            batches[delivery.connector].append(delivery)
        async with asyncio.TaskGroup() as group:
            for name, batch in batches.items():
                group.create_task(self._send_all(connectors.get(name), batch, until))
        return len(claimed)

    async def _connectors(self, tenant_id: UUID) -> dict[str, Connector]:
        now = time.monotonic()
        known = self._known.get(tenant_id)
        if known is not None and known[0] > now:
            return known[1]
        if self._session is None:
            self._session = open_session(self._places, self._timeout_s)
        settings = await settings_of(self._platform, tenant_id, self._environment)
        found = connectors_of(self._session, self._places, settings, pages_of(self._database))
        if len(self._known) >= MOST_TENANTS:
            self._known.clear()
        self._known[tenant_id] = (now + self._settings_stand_s, found)
        return found

    async def _send_all(self, connector: Connector | None, batch: Sequence[Delivery], until: float) -> None:
        if connector is None:
            told = f"{batch[0].connector} is not configured."
            await store.settle_all(self._database, batch[0].tenant_id, batch, "off", error=told, tried=False)
            return
        pause_s: float | None = None
        for delivery in batch:
            if pause_s is not None or time.monotonic() > until:
                await store.settle(self._database, delivery, "planned", pause_s=pause_s or 0.0, tried=False)
            else:
                pause_s = await self._send(connector, delivery)

    async def _send(self, connector: Connector, delivery: Delivery) -> float | None:
        """Send one, and write down what came of it; gives the pause that the system asks for."""
        try:
            if delivery.attempts > MOST_ATTEMPTS:  # whoever had it in hand has died over it each time
                await store.settle(self._database, delivery, "failed", error="It was begun five times and never ended.")
                return None
            await connector.send(delivery)
        except StrettoError as error:
            asked_s = error.retry_after_s if isinstance(error, Transient) else None
            over = not isinstance(error, Transient) or delivery.attempts >= MOST_ATTEMPTS
            pause_s = self._first_pause_s * FACTOR ** (delivery.attempts - 1) * (1 + JITTER * random.random())
            log.warning(
                "a delivery has failed" if over else "a delivery is tried again later",
                connector=delivery.connector,
                key=delivery.key,
                attempts=delivery.attempts,
                error=error.message,
            )
            state = "failed" if over else "planned"
            await store.settle(
                self._database,
                delivery,
                state,
                error=error.message,
                pause_s=0.0 if over else max(pause_s, asked_s or 0.0),
            )
            return asked_s
        await store.settle(self._database, delivery, "sent")
        return None

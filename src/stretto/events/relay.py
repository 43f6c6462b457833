"""The relay: moves events from the outbox to the log, and on to the transport where that is elsewhere.

One process relays at a time, under a lease in PostgreSQL; another takes over when it falls silent. Into the log each event
goes exactly once, since it leaves the outbox in the same transaction. A transport elsewhere gets the log's events under their
positions and passes over those that it has, so that what a dead relay had sent already is not sent twice.
"""

from __future__ import annotations

import asyncio
import os
import socket

import structlog

from stretto.errors import StoreError
from stretto.events.postgres import AWAY, OUTBOX, News
from stretto.events.store import EventStore, Relayed
from stretto.events.transport import SLOTS, Group, Transport
from stretto.store import Database
from stretto.store.ids import new_id

log = structlog.get_logger(__name__)

LEASE_S = 3.0
POLL_S = 0.5
"""How often the outbox is looked at without a notification."""
GATHER_S = 0.01
"""After a notification, how long the relay waits for more to move together: a transaction costs as much for one event as for
dozens."""
MOST = 1000
_EVERYTHING = Group("relay")


def process_name() -> str:
    """This process and this moment: nobody had this name before."""
    return f"{socket.gethostname()}/{os.getpid()}/{new_id().hex[-8:]}"


class Relay:
    """Relays until it is cancelled. `elsewhere` is the transport, unless it is the log itself."""

    def __init__(self, database: Database, elsewhere: Transport | None = None, *, lease_s: float = LEASE_S) -> None:
        self.name = process_name()
        self._store = EventStore(database)
        self._elsewhere = elsewhere
        self._news = News(database, OUTBOX)
        self._lease_s = lease_s

    async def run(self) -> None:
        """Relay whatever comes; wait while the database is away."""
        self._news.listen()
        try:
            while True:
                heard = self._news.count
                try:
                    turn = await self.turn()
                except AWAY as error:
                    log.warning("events wait: no connection", error=str(error).strip())
                    await asyncio.sleep(POLL_S)
                    continue
                if turn.moved == MOST:
                    continue
                if turn.led:
                    await self._news.wait(heard, POLL_S)
                    await asyncio.sleep(GATHER_S)
                else:
                    await asyncio.sleep(POLL_S)
        finally:
            await self._news.close()
            await self._leave()

    async def turn(self) -> Relayed:
        """Move one batch, if this process is the one that relays."""
        turn = await self._store.relay(self.name, self._lease_s, MOST, wait_for_disk=self._elsewhere is not None)
        if self._elsewhere is not None and turn.led:
            await self._pass_on(self._elsewhere, turn.head)
        return turn

    async def _pass_on(self, elsewhere: Transport, head: int) -> None:
        passed_on = await elsewhere.head()
        if passed_on > head:
            raise StoreError(
                f"The events' transport holds events up to {passed_on}, the log only up to {head}, as after a backup was "
                "restored. Empty the transport, so that the log can be published anew."
            )
        while passed_on < head:
            batch = await self._store.read(_EVERYTHING, dict.fromkeys(range(SLOTS), passed_on), MOST)
            await elsewhere.publish(batch.events, passed_on)
            passed_on = batch.upto

    async def _leave(self) -> None:
        try:
            await self.turn()  # what was written while this process ended
            await self._store.leave_relay(self.name)
        except AWAY:
            log.info("could not hand the relay over; another process takes it when its time is over")

"""Sends what is due to webhooks: claimed in batches by whichever process, so many at once, and each at least once.

Nothing is said about order. Whoever dies between sending and noting it leaves the delivery claimed; when the claim's lease is
over it is sent again, with the same `webhook-id`, by which receivers tell that they know it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import structlog

from stretto.errors import Invalid, NotPossible
from stretto.events.event import CONTENT_TYPE, Event
from stretto.events.postgres import AWAY
from stretto.events.webhooks.places import Places
from stretto.events.webhooks.sealing import Seal
from stretto.events.webhooks.signing import signed_headers
from stretto.events.webhooks.store import Claimed, Outcome, WebhookStore
from stretto.store import Database
from stretto.store.acting import acting

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger(__name__)

PAUSES_S: Sequence[float] = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The pauses after each failed attempt, by Standard Webhooks' spec 1.0.0 ("Deliverability and reliability")."""
JITTER = 0.1
TIMEOUT_S = 15.0
"""The same: 15 to 30 s."""
PATIENCE_S = 5 * 86_400.0
"""A receiver that has failed for so long without one success is disabled."""
MOST_RETRY_AFTER_S = 86_400.0
MAX_ANSWER_BYTES = 1024
"""What is read of an answer, and kept in the log."""
MAX_ERROR_CHARS = 500
MOST_AT_ONCE = 32
MOST_AT_ONCE_PER_WEBHOOK = 4
LEASE_S = 60.0
POLL_S = 1.0
AGAIN_S = 1.0
REMEMBER_S = 7 * 86_400.0
"""So long an incoming webhook counts once."""
FORGET_EVERY_S = 3600.0


class Sender:
    """One process's part in sending. `plan` takes events, `run` sends until it is cancelled."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        places: Places,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
        lease_s: float = LEASE_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._store = WebhookStore(database)
        self._seal = seal
        self._places = places
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s
        self._lease_s = lease_s
        self._patience_s = patience_s
        self._me = uuid4()
        self._news = asyncio.Event()
        self._known = (datetime.min.replace(tzinfo=UTC), set[UUID]())
        self._knowing = asyncio.Lock()
        self._busy: Counter[UUID] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def plan(self, event: Event) -> None:
        """Take an event: write down to whom it goes. An event handler; a second time nothing happens."""
        async with self._knowing:
            # Who had no webhook after the event happened had none when it did: most tenants cost no query.
            if self._known[0] <= event.at:
                self._known = await self._store.tenants()
        if event.tenant_id in self._known[1] and await self._store.plan(event):
            self._news.set()

    async def run(self) -> None:
        """Send until it is cancelled; what is on its way then is cut off, and sent again by another or later."""
        session: aiohttp.ClientSession | None = None
        forget_at = time.monotonic()
        try:
            while True:
                try:
                    self._news.clear()
                    if time.monotonic() >= forget_at:
                        forget_at = time.monotonic() + FORGET_EVERY_S
                        await self._store.forget_receipts(REMEMBER_S)
                    free = MOST_AT_ONCE - len(self._tasks)
                    taken = await self._claim(free) if free else []
                    if taken and session is None:
                        session = open_session(self._places, self._timeout_s)
                    for claimed in taken:
                        assert session is not None
                        self._start(session, claimed)
                except AWAY as error:
                    log.warning("no connection to webhooks; trying again", error=str(error).strip())
                    await asyncio.sleep(AGAIN_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._news.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if session is not None:
                await session.close()

    async def _claim(self, free: int) -> list[Claimed]:
        busy = {webhook_id: count for webhook_id, count in self._busy.items() if count}
        return await self._store.claim(self._me, self._lease_s, free, MOST_AT_ONCE_PER_WEBHOOK, busy)

    def _start(self, session: aiohttp.ClientSession, claimed: Claimed) -> None:
        self._busy[claimed.webhook_id] += 1
        task = asyncio.create_task(self._deliver(session, claimed), name="webhook delivery")
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._busy[claimed.webhook_id] -= 1
            if not self._busy[claimed.webhook_id]:
                del self._busy[claimed.webhook_id]
            self._news.set()
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a delivery has met a fault; it is tried again", error=repr(error))

        task.add_done_callback(ended)

    async def _deliver(self, session: aiohttp.ClientSession, claimed: Claimed) -> None:
        outcome = await self._attempt(session, claimed)
        while True:
            try:
                with acting("stretto"):
                    disabled = await self._store.settle(self._me, claimed, outcome, self._patience_s)
                break
            except AWAY as error:  # within the lease nobody else takes it
                log.warning("no connection to webhooks; trying again", error=str(error).strip())
                await asyncio.sleep(AGAIN_S)
        if disabled:
            log.warning("a webhook was disabled", webhook_id=str(claimed.webhook_id), error=outcome.error)

    async def _attempt(self, session: aiohttp.ClientSession, claimed: Claimed) -> Outcome:
        if not claimed.active or claimed.secret is None:
            return Outcome("failed", error="The webhook is off, or was removed.", counts=False)
        name = str(claimed.webhook_id)
        try:
            self._places.check_url(claimed.url)
            secrets = [await self._seal.open(claimed.tenant_id, name, claimed.secret)]
            if claimed.secret_before is not None:
                secrets.append(await self._seal.open(claimed.tenant_id, name, claimed.secret_before))
            body = claimed.body.encode()
            headers = signed_headers(secrets, str(claimed.event_id), int(time.time()), body)
        except (Invalid, NotPossible) as error:
            return self._failed(claimed, error.message)
        return await self._post(session, claimed, body, dict(headers))

    async def _post(
        self, session: aiohttp.ClientSession, claimed: Claimed, body: bytes, headers: dict[str, str]
    ) -> Outcome:
        import aiohttp  # noqa: PLC0415 - half of all start-up; loaded with the first delivery

        began = time.monotonic()
        try:
            # The answer is closed unread beyond its first bytes: a connection that still speaks is not used again.
            async with session.post(
                claimed.url, data=body, headers=headers | {"content-type": CONTENT_TYPE}, allow_redirects=False
            ) as answer:
                text = await read_some(answer)
                code, retry_after_s = answer.status, seconds_of(answer.headers.get("retry-after"))
                answer.close()
        except TimeoutError:
            return self._failed(claimed, f"No answer within {self._timeout_s:g} s.", began=began)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return self._failed(claimed, f"{type(error).__name__}: {error}", began=began)
        if 200 <= code < 300:
            return Outcome("succeeded", None, code, text, _ms(began))
        told = f"The receiver answered {code}."
        if 300 <= code < 400:
            told += " Redirects are not followed: change the webhook's URL."
        return self._failed(claimed, told, began=began, code=code, text=text, retry_after_s=retry_after_s)

    def _failed(
        self,
        claimed: Claimed,
        error: str,
        *,
        began: float | None = None,
        code: int | None = None,
        text: str | None = None,
        retry_after_s: float = 0.0,
    ) -> Outcome:
        gone = code == 410
        over = gone or claimed.attempts >= len(self._pauses_s)
        pause_s: float | None = None
        if not over:
            pause_s = self._pauses_s[claimed.attempts] * (1 + JITTER * random.random())
            pause_s = max(pause_s, retry_after_s)
        return Outcome(
            "failed" if over else "pending",
            pause_s,
            code,
            text,
            None if began is None else _ms(began),
            error.replace("\0", "")[:MAX_ERROR_CHARS],
            gone,
        )


def open_session(places: Places, timeout_s: float) -> aiohttp.ClientSession:
    """Connections that go to allowed addresses only. Proxies of the environment are not used: they would resolve names."""
    import aiohttp  # noqa: PLC0415 - loaded with the first delivery

    from stretto.events.webhooks.resolver import CheckedResolver, checked_sockets  # noqa: PLC0415

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=CheckedResolver(places),
            socket_factory=checked_sockets(places),
            use_dns_cache=False,
            limit=MOST_AT_ONCE,
            force_close=True,
        ),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"user-agent": "Stretto-Webhooks/1", "accept-encoding": "identity"},
    )


async def read_some(answer: aiohttp.ClientResponse) -> str:
    """The first bytes of an answer, as text that PostgreSQL can keep."""
    found = bytearray()
    while len(found) < MAX_ANSWER_BYTES and (chunk := await answer.content.read(MAX_ANSWER_BYTES - len(found))):
        found += chunk
    return found.decode("utf-8", "replace").replace("\0", "\ufffd")


def seconds_of(retry_after: str | None) -> float:
    """The seconds that a `Retry-After` asks for (RFC 9110, 10.2.3), a day at most; 0 when it asks for nothing readable."""
    if retry_after is None:
        return 0.0
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MOST_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), MOST_RETRY_AFTER_S)


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)

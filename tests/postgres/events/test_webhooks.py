"""Webhooks out: planned once, signed, sent, tried again, given up; by several processes, and when one is killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from standardwebhooks import Webhook as Reference

from stretto.errors import Invalid, NotPossible, PreconditionFailed
from stretto.events import Event
from stretto.events.webhooks import Delivery, Seal, Sender, Webhooks
from stretto.events.webhooks.places import Places
from stretto.events.webhooks.sender import PAUSES_S
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import new_id
from tests.postgres.events.receivers import Receiver, receiving

KEY = bytes(range(32))
OTHER = UUID("00000000-0000-7000-8000-000000000002")


async def key() -> bytes:
    return KEY


class Ground:
    """Webhooks of a tenant, a receiver, and a sender."""

    def __init__(self, database: Database, receiver: Receiver) -> None:
        self.database = database
        self.receiver = receiver
        self.seal = Seal(key)
        self.door = self.of(DEFAULT_TENANT)
        self.planner = Sender(database, self.seal, Places(local=True))

    def of(self, tenant_id: UUID) -> Webhooks:
        return Webhooks(self.database, self.seal, Places(local=True), tenant_id)

    async def webhook(self, path: str, *types: str) -> tuple[UUID, str]:
        made, secret = await self.door.add(self.receiver.url + path, types or ("*",))
        return made.id, secret

    async def happens(self, *types: str, tenant_id: UUID = DEFAULT_TENANT) -> list[Event]:
        events = [
            Event(
                id=new_id(),
                tenant_id=tenant_id,
                type=each,
                subject="runs/1",
                at=datetime.now(UTC),
                data={"name": "Zoë", "n": n},
            )
            for n, each in enumerate(types)
        ]
        for event in events:
            await self.planner.plan(event)
        return events

    @asynccontextmanager
    async def sending(self, **options: Any) -> AsyncGenerator[None]:
        sender = Sender(self.database, self.seal, Places(local=True), **options)
        task = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def settled(
        self, webhook_id: UUID, met: Callable[[Delivery], bool] = lambda each: each.status != "pending"
    ) -> list[Delivery]:
        """The deliveries, once each is so."""
        async with asyncio.timeout(20):
            while True:
                found = await self.door.deliveries(webhook_id, limit=200)
                if found and all(met(each) for each in found):
                    return found
                await asyncio.sleep(0.03)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - what another process does is no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def ground(database: Database) -> AsyncIterator[Ground]:
    async with receiving() as receiver:
        yield Ground(database, receiver)


def tried(times: int) -> Callable[[Delivery], bool]:
    return lambda each: each.attempts == times


async def test_events_go_to_those_who_want_them_signed(ground: Ground) -> None:
    every, secret = await ground.webhook("/all")
    runs, _ = await ground.webhook("/runs", "stretto.run.*")
    exact, _ = await ground.webhook("/exact", "stretto.run.failed", "app.paid")
    off, _ = await ground.webhook("/off")
    await ground.door.change(off, active=False)
    events = await ground.happens("stretto.run.failed", "stretto.run.completed", "app.paid", "app.paid.twice")
    for event in events:  # a consumer may give them twice
        await ground.planner.plan(event)
    async with ground.sending():
        await ground.settled(every)
        await ground.settled(runs)
        await ground.settled(exact)
    names = sorted(str(event.id) for event in events)
    failed, paid = str(events[0].id), str(events[2].id)
    assert sorted(ground.receiver.ids("/all")) == names
    assert sorted(ground.receiver.ids("/runs")) == sorted([failed, str(events[1].id)])
    assert sorted(ground.receiver.ids("/exact")) == sorted([failed, paid])
    assert ground.receiver.ids("/off") == []
    for _, headers, body in (each for each in ground.receiver.came if each[0] == "/all"):
        told = Reference(secret).verify(body, headers)
        assert told == next(
            json.loads(json.dumps(e.cloudevent())) for e in events if str(e.id) == headers["webhook-id"]
        )
        assert headers["content-type"] == "application/cloudevents+json"
    delivery = await ground.door.delivery(every, events[0].id)
    assert (delivery.status, delivery.attempts, delivery.response_code) == ("succeeded", 1, 200)
    assert delivery.response_text == "thanks"


async def test_another_tenants_events_and_webhooks_stay_his(ground: Ground, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [OTHER])
    mine, _ = await ground.webhook("/mine")
    theirs, _ = await ground.of(OTHER).add(ground.receiver.url + "/theirs", ["*"])
    (event,) = await ground.happens("app.paid", tenant_id=OTHER)
    async with ground.sending():
        await until(lambda: bool(ground.receiver.came))
    assert ground.receiver.ids("/theirs") == [str(event.id)]
    assert ground.receiver.ids("/mine") == await ground.door.deliveries(mine) == []
    for attempt in (ground.door.get, ground.door.rotate, ground.door.test, ground.door.remove, ground.door.deliveries):
        with pytest.raises(Exception, match="There is no webhook"):
            await attempt(theirs.id)


@pytest.mark.parametrize(
    ("path", "code", "error"),
    [
        ("/fails", 500, "answered 500"),
        ("/moved", 307, "not followed"),
        ("/later", 429, "answered 429"),
        ("/hangs", None, "No answer within"),
        ("/resets", None, "Server"),
    ],
)
async def test_what_is_not_received_is_tried_again(ground: Ground, path: str, code: int | None, error: str) -> None:
    webhook_id, _ = await ground.webhook(path)
    await ground.happens("app.paid")
    async with ground.sending(timeout_s=0.5):
        (delivery,) = await ground.settled(webhook_id, tried(1))
    assert (delivery.status, delivery.response_code) == ("pending", code)
    assert delivery.error is not None
    assert error in delivery.error
    assert delivery.next_at is not None
    assert delivery.last_at is not None
    pause_s = (delivery.next_at - delivery.last_at).total_seconds()
    assert pause_s == pytest.approx(1234 if path == "/later" else PAUSES_S[0], rel=0.11)
    assert len(delivery.response_text or "") <= 1024
    assert ground.receiver.ids("/target") == []
    assert (await ground.door.get(webhook_id)).failing_since is not None


async def test_megabytes_of_answer_are_not_read(ground: Ground) -> None:
    webhook_id, _ = await ground.webhook("/floods")
    await ground.happens("app.paid")
    async with ground.sending():
        (delivery,) = await ground.settled(webhook_id)
    assert (delivery.status, delivery.response_text) == ("succeeded", "x" * 1024)


async def test_attempts_end_and_a_person_sends_again(ground: Ground) -> None:
    webhook_id, secret = await ground.webhook("/fails")
    (event,) = await ground.happens("app.paid")
    async with ground.sending(pauses_s=(0.01, 0.01)):
        (delivery,) = await ground.settled(webhook_id)
        assert (delivery.status, delivery.attempts, delivery.next_at) == ("failed", 3, None)
        assert ground.receiver.ids("/fails") == [str(event.id)] * 3
        assert len({body for _, _, body in ground.receiver.came}) == 1
        await ground.door.change(webhook_id, url=f"{ground.receiver.url}/works")
        assert await ground.door.send_again(webhook_id, since=datetime.now(UTC) + timedelta(minutes=1)) == 0
        assert await ground.door.send_again(webhook_id, since=datetime.now(UTC) - timedelta(minutes=1)) == 1
        (delivery,) = await ground.settled(webhook_id)
        assert (delivery.status, delivery.attempts) == ("succeeded", 1)
        assert (await ground.door.get(webhook_id)).failing_since is None
        assert await ground.door.send_again(webhook_id, event_id=event.id) == 1
        await ground.settled(webhook_id)
    assert ground.receiver.ids("/works") == [str(event.id)] * 2
    for _, headers, body in ground.receiver.came:
        Reference(secret).verify(body, headers)


async def test_a_receiver_that_is_gone_is_disabled(ground: Ground, owner: AsyncConnection[TupleRow]) -> None:
    webhook_id, _ = await ground.webhook("/gone")
    await ground.happens("app.paid")
    async with ground.sending():
        await ground.settled(webhook_id)
    webhook = await ground.door.get(webhook_id)
    assert (webhook.active, webhook.disabled_reason) == (False, "The receiver answered 410 Gone.")
    told = await (await owner.execute("SELECT type, data->>'webhook_id' FROM outbox")).fetchall()
    assert told == [("stretto.webhook.disabled", str(webhook_id))]
    audit = "SELECT actor, action FROM audit WHERE target = %s ORDER BY id DESC LIMIT 1"
    assert await (await owner.execute(audit, [f"webhooks/{webhook_id}"])).fetchone() == ("stretto", "webhook.changed")
    with pytest.raises(NotPossible, match="off"):
        await ground.door.test(webhook_id)
    assert (await ground.door.change(webhook_id, active=True)).disabled_reason is None


async def test_a_receiver_that_fails_for_days_is_disabled(ground: Ground, owner: AsyncConnection[TupleRow]) -> None:
    webhook_id, _ = await ground.webhook("/fails")
    await owner.execute("UPDATE webhooks SET failing_since = now() - interval '4 days 23 hours'")
    await ground.happens("app.paid")
    async with ground.sending():
        await ground.settled(webhook_id, tried(1))
        assert (await ground.door.get(webhook_id)).active
        await owner.execute("UPDATE webhooks SET failing_since = now() - interval '5 days 1 hour'")
        waiting = await ground.happens("app.paid")
        await ground.settled(webhook_id)
    webhook = await ground.door.get(webhook_id)
    assert not webhook.active
    assert webhook.disabled_reason == "The receiver has failed for 5 days."
    assert {each.status for each in await ground.door.deliveries(webhook_id)} == {"failed"}
    assert (await ground.door.delivery(webhook_id, waiting[0].id)).error is not None


async def test_while_a_secret_is_rotated_both_count(ground: Ground) -> None:
    webhook_id, first = await ground.webhook("/works")
    second = await ground.door.rotate(webhook_id)
    await ground.happens("app.paid")
    async with ground.sending():
        await ground.settled(webhook_id)
        third = await ground.door.rotate(webhook_id, 0)
        await ground.door.test(webhook_id)
        await ground.settled(webhook_id)
    (_, old_headers, old_body), (_, headers, body) = ground.receiver.came
    for secret in (first, second):
        Reference(secret).verify(old_body, old_headers)
        with pytest.raises(Exception, match="No matching signature"):
            Reference(secret).verify(body, headers)
    assert Reference(third).verify(body, headers)["type"] == "stretto.webhook.tested"


async def test_secrets_are_nowhere_in_the_database(ground: Ground, owner: AsyncConnection[TupleRow]) -> None:
    webhook_id, secret = await ground.webhook("/works")
    row = await (await owner.execute("SELECT secret FROM webhooks")).fetchone()
    assert row is not None
    assert secret.encode() not in row[0]
    assert await ground.seal.open(DEFAULT_TENANT, str(webhook_id), row[0]) == secret
    for tenant_id, name in ((OTHER, str(webhook_id)), (DEFAULT_TENANT, str(new_id()))):
        with pytest.raises(NotPossible):
            await ground.seal.open(tenant_id, name, row[0])


async def test_one_that_hangs_keeps_no_other_waiting(ground: Ground) -> None:
    slow, _ = await ground.webhook("/hangs")
    await ground.happens(*["app.slow"] * 60)
    await ground.door.change(slow, types=["app.slow"])
    quick, _ = await ground.webhook("/works", "app.quick")
    await ground.happens(*["app.quick"] * 5)
    async with ground.sending():
        await ground.settled(quick)
        assert len(ground.receiver.ids("/hangs")) <= 4


async def test_nobody_overwrites_what_he_has_not_seen(ground: Ground) -> None:
    webhook_id, _ = await ground.webhook("/works")
    assert (await ground.door.change(webhook_id, description="a", revision=1)).revision == 2
    with pytest.raises(PreconditionFailed):
        await ground.door.change(webhook_id, description="b", revision=1)
    with pytest.raises(PreconditionFailed):
        await ground.door.remove(webhook_id, revision=1)
    await ground.door.remove(webhook_id, revision=2)
    assert await ground.door.list() == []


@pytest.mark.parametrize("types", [[], ["run.*.x"], ["*.*"], ["a b"], ["x" * 130], ["a"] * 51])
async def test_types_that_are_none_are_refused(ground: Ground, types: Sequence[str]) -> None:
    with pytest.raises(Invalid, match="type"):
        await ground.door.add(ground.receiver.url, types)


async def test_two_that_send_at_once_send_each_once(ground: Ground) -> None:
    hooks = [(await ground.webhook(f"/{n}"))[0] for n in range(5)]
    events = await ground.happens(*["app.paid"] * 40)
    async with ground.sending(), ground.sending():
        for each in hooks:
            await ground.settled(each)
    for n in range(5):
        assert Counter(ground.receiver.ids(f"/{n}")) == Counter(str(event.id) for event in events)


@asynccontextmanager
async def sender_process(settings: Settings, lease_s: float) -> AsyncGenerator[asyncio.subprocess.Process]:
    environment = {"STRETTO_HOME": str(settings.home), "STRETTO_DATABASE_URL": str(settings.database_url)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.postgres.events.sending", KEY.hex(), str(lease_s)),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_a_killed_process_had_in_hand_is_sent_by_another(ground: Ground, settings: Settings) -> None:
    hooks = [(await ground.webhook("/hangs" if n == 0 else f"/{n}"))[0] for n in range(4)]
    events = await ground.happens(*["app.paid"] * 30)
    async with sender_process(settings, 1.0) as process:
        await until(lambda: len(ground.receiver.came) >= 20 and bool(ground.receiver.ids("/hangs")))
        process.kill()  # in the middle: some are sent and not noted, and those that hang are never answered
        await process.wait()
    await ground.door.change(hooks[0], url=f"{ground.receiver.url}/0")
    async with ground.sending():
        for each in hooks:
            assert {found.status for found in await ground.settled(each)} == {"succeeded"}
    names = {str(event.id) for event in events}
    for n in range(4):
        came = Counter(ground.receiver.ids(f"/{n}"))
        assert set(came) == names
        assert all(times <= 2 for times in came.values())

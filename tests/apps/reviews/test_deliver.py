"""What is planned is sent once, tried again after a pause, given up, and kept where its connector is off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto import Platform
from stretto.apps import add_app
from stretto.errors import Invalid
from stretto.gateway.keys import Key
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto_reviews.connectors import Planned, deliveries, plan, send_again
from stretto_reviews.connectors.configured import settings_of
from stretto_reviews.connectors.deliver import Deliverer
from stretto_reviews.connectors.store import claim, due_tenants, settle
from tests.apps.reviews.vendors import KLAVIYO_KEY, YOTPO_GUID, YOTPO_KEY, Vendors, answering, cut_off, vendors

OTHER = UUID("00000000-0000-7000-8000-0000000000aa")
ANN = {"email": "ann@example.com", "points": 50}


@pytest.fixture
async def there() -> AsyncIterator[Vendors]:
    async with vendors() as these:
        yield these


@pytest.fixture
async def platform(settings: Settings, database: Database, tmp_path: Path) -> AsyncIterator[Platform]:
    await add_app(database, "reviews")
    async with Platform.open(settings.model_copy(update={"home": tmp_path}), worker=False) as platform:
        yield platform


def environment(there: Vendors) -> dict[str, str]:
    return {
        "STRETTO_REVIEWS_KLAVIYO_KEY": KLAVIYO_KEY,
        "STRETTO_REVIEWS_KLAVIYO_URL": there.url,
        "STRETTO_REVIEWS_YOTPO_KEY": YOTPO_KEY,
        "STRETTO_REVIEWS_YOTPO_GUID": YOTPO_GUID,
        "STRETTO_REVIEWS_YOTPO_URL": there.url,
    }


@pytest.fixture
async def sender(platform: Platform, there: Vendors) -> AsyncIterator[Deliverer]:
    sender = Deliverer(platform, environment=environment(there), timeout_s=0.5, settings_stand_s=0.0)
    yield sender
    await sender.close()


async def planned(
    platform: Platform, *letters: tuple[str, str, dict[str, Any]], tenant_id: UUID = DEFAULT_TENANT
) -> int:
    async with platform.database.tenant(tenant_id) as connection:
        return await plan(connection, tenant_id, letters)


async def states(platform: Platform, tenant_id: UUID = DEFAULT_TENANT) -> dict[str, Planned]:
    return {each.key: each for each in await deliveries(platform.database, tenant_id)}


async def let_time_pass(owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("UPDATE stretto_reviews.deliveries SET due_at = now() - interval '1 s' WHERE state = 'planned'")


async def test_each_is_sent_once(platform: Platform, sender: Deliverer, there: Vendors) -> None:
    letters = [("points/1", "yotpo", ANN), ("campaign/1", "klaviyo", {**ANN, "campaign": "thanks"})]
    assert await planned(platform, *letters) == 2
    assert await planned(platform, *letters) == 0
    assert await due_tenants(platform.database, 10) == [DEFAULT_TENANT]
    await asyncio.gather(sender.turn(DEFAULT_TENANT), sender.turn(DEFAULT_TENANT))
    found = await states(platform)
    assert {key: (each.state, each.attempts) for key, each in found.items()} == {
        "points/1": ("sent", 1),
        "campaign/1": ("sent", 1),
    }
    assert all(each.sent_at is not None for each in found.values())
    assert len(there.events) == len(there.points["ann@example.com"]) == 1
    assert await due_tenants(platform.database, 10) == []


async def test_what_is_rolled_back_is_never_sent(platform: Platform) -> None:
    async with platform.database.tenant(DEFAULT_TENANT) as connection:
        assert await plan(connection, DEFAULT_TENANT, [("a", "yotpo", ANN)]) == 1
        await connection.execute("ROLLBACK")
    assert await states(platform) == {}
    with pytest.raises(Invalid, match="key"):
        await planned(platform, ("", "yotpo", ANN))


async def test_a_lost_answer_gives_no_points_twice(
    platform: Platform, sender: Deliverer, there: Vendors, owner: AsyncConnection[TupleRow]
) -> None:
    await planned(platform, ("points/1", "yotpo", ANN))
    there.after_faults.append(cut_off)
    await sender.turn(DEFAULT_TENANT)
    tried = (await states(platform))["points/1"]
    assert (tried.state, tried.attempts) == ("planned", 1)
    assert tried.error is not None
    assert "cannot be reached" in tried.error
    await sender.turn(DEFAULT_TENANT)
    assert (await states(platform))["points/1"].attempts == 1, "not before its time"
    await let_time_pass(owner)
    await sender.turn(DEFAULT_TENANT)
    assert ((await states(platform))["points/1"].state, len(there.points["ann@example.com"])) == ("sent", 1)


async def test_a_claim_that_was_lost_is_taken_up_again(
    platform: Platform, sender: Deliverer, there: Vendors, owner: AsyncConnection[TupleRow]
) -> None:
    await planned(platform, ("points/1", "yotpo", ANN))
    (dead,) = await claim(platform.database, DEFAULT_TENANT, 10, 60.0)
    await sender.turn(DEFAULT_TENANT)
    assert there.points == {}, "within the lease nobody else takes it"
    await let_time_pass(owner)
    await sender.turn(DEFAULT_TENANT)
    assert (await states(platform))["points/1"].state == "sent"
    await settle(platform.database, dead, "failed", error="late")
    assert (await states(platform))["points/1"].state == "sent", "whoever was away for too long changes nothing"


async def test_five_attempts_and_no_more(
    platform: Platform, sender: Deliverer, there: Vendors, owner: AsyncConnection[TupleRow]
) -> None:
    await planned(platform, ("campaign/1", "klaviyo", ANN))
    there.next_answers.extend([answering(500, "oops")] * 5)
    pauses: list[float] = []
    for _ in range(7):
        await sender.turn(DEFAULT_TENANT)
        row = await (
            await owner.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM stretto_reviews.deliveries")
        ).fetchone()
        assert row is not None
        pauses.append(float(row[0]))
        await let_time_pass(owner)
    found = (await states(platform))["campaign/1"]
    assert (found.state, found.attempts, len(there.requests)) == ("failed", 5, 5)
    assert found.error == "Klaviyo answers 500. It says: oops"
    assert 25 < pauses[0] < 40
    assert 110 < pauses[1] < 150
    assert await send_again(platform.database, DEFAULT_TENANT, key="campaign/1") == 1
    await sender.turn(DEFAULT_TENANT)
    assert (await states(platform))["campaign/1"].state == "sent"


async def test_whoever_dies_over_a_delivery_each_time_does_not_go_on_for_ever(
    platform: Platform, sender: Deliverer, there: Vendors, owner: AsyncConnection[TupleRow]
) -> None:
    await planned(platform, ("campaign/1", "klaviyo", ANN))
    for _ in range(5):
        await claim(platform.database, DEFAULT_TENANT, 10, 60.0)
        await let_time_pass(owner)
    await sender.turn(DEFAULT_TENANT)
    assert ((await states(platform))["campaign/1"].state, there.requests) == ("failed", [])


async def test_a_pause_that_is_asked_for_holds_all_of_the_connector(
    platform: Platform, sender: Deliverer, there: Vendors, owner: AsyncConnection[TupleRow]
) -> None:
    await planned(platform, *((f"campaign/{number}", "klaviyo", ANN) for number in range(5)))
    there.next_answers.append(answering(429, "", Retry_After="600"))
    await sender.turn(DEFAULT_TENANT)
    found = await states(platform)
    assert len(there.requests) == 1
    assert sorted(each.attempts for each in found.values()) == [0, 0, 0, 0, 1]
    row = await (
        await owner.execute("SELECT min(due_at) > now() + interval '590 s' FROM stretto_reviews.deliveries")
    ).fetchone()
    assert row == (True,)


async def test_a_wrong_key_fails_at_once_and_is_not_told(platform: Platform, there: Vendors) -> None:
    wrong = {**environment(there), "STRETTO_REVIEWS_KLAVIYO_KEY": "pk_wrong_9876543210"}
    sender = Deliverer(platform, environment=wrong)
    await planned(platform, ("campaign/1", "klaviyo", ANN))
    await sender.turn(DEFAULT_TENANT)
    await sender.close()
    found = (await states(platform))["campaign/1"]
    assert (found.state, found.attempts) == ("failed", 1)
    assert found.error is not None
    assert "does not accept the key (401). Set reviews-klaviyo-key anew." in found.error
    assert "wrong" not in found.error


async def test_off_until_it_is_configured(platform: Platform, sender: Deliverer, there: Vendors) -> None:
    off = Deliverer(platform, environment={})
    await planned(platform, ("points/1", "yotpo", ANN), ("tags/1", "shopify", {}), ("odd/1", "nobody", {}))
    await off.turn(DEFAULT_TENANT)
    await off.close()
    found = await states(platform)
    assert {(each.state, each.attempts) for each in found.values()} == {("off", 0)}
    assert found["points/1"].error == "yotpo is not configured."
    assert await send_again(platform.database, DEFAULT_TENANT, connector="yotpo") == 1
    await sender.turn(DEFAULT_TENANT)
    assert {key: each.state for key, each in (await states(platform)).items()} == {
        "points/1": "sent",
        "tags/1": "off",
        "odd/1": "off",
    }


async def test_settings_are_each_tenants_own(platform: Platform, sender: Deliverer, there: Vendors) -> None:
    await planned(platform, ("campaign/1", "klaviyo", ANN), tenant_id=OTHER)
    await sender.turn(OTHER)
    assert (await states(platform, OTHER))["campaign/1"].state == "off", "the environment is the default tenant's"
    for name, value in (("reviews-klaviyo-key", KLAVIYO_KEY), ("reviews-klaviyo-url", there.url), ("other", "secret")):
        await platform.tool_secrets.set(OTHER, name, Key(value))
    assert set(await settings_of(platform, OTHER, {})) == {"reviews-klaviyo-key", "reviews-klaviyo-url"}
    assert await settings_of(platform, DEFAULT_TENANT, {}) == {}
    await send_again(platform.database, OTHER)
    await sender.turn(OTHER)
    assert (await states(platform, OTHER))["campaign/1"].state == "sent"
    assert await states(platform) == {}


async def test_it_runs_beside_a_worker_for_all_tenants(platform: Platform, there: Vendors) -> None:
    for name, value in (("reviews-klaviyo-key", KLAVIYO_KEY), ("reviews-klaviyo-url", there.url)):
        await platform.tool_secrets.set(OTHER, name, Key(value))
    mine = [f"campaign/{number}" for number in range(45)]
    await planned(platform, *((key, "klaviyo", ANN) for key in mine))
    await planned(platform, ("campaign/theirs", "klaviyo", ANN), tenant_id=OTHER)
    running = asyncio.create_task(Deliverer(platform, environment=environment(there)).run())
    async with asyncio.timeout(10):
        await there.arrived(46)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sorted(there.events) == sorted([*mine, "campaign/theirs"])

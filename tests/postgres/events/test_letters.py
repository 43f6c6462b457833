"""Letters: of one subject only the first has a time, whatever order they came in."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from stretto.events import Event, Group
from stretto.events.store import EventStore, Letter, Parked
from stretto.events.transport import SLOTS
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import new_id

GROUP = Group("readers")


def event(position: int, subject: str = "a") -> Event:
    return Event(
        id=new_id(),
        tenant_id=DEFAULT_TENANT,
        type="app.counted",
        subject=subject,
        at=datetime.now(UTC),
        data={},
        position=position,
        slot=3,
    )


async def due(store: EventStore) -> list[Letter]:
    return await store.due(GROUP, range(SLOTS), 100)


async def test_of_events_set_aside_together_the_first_of_each_subject_is_due(database: Database) -> None:
    store = EventStore(database)
    events = [event(1), event(2), event(3, "b"), event(4), event(5, "b")]
    await store.park(GROUP, [Parked(each) for each in events])
    assert [letter.event.position for letter in await due(store)] == [1, 3]
    await store.park(GROUP, [Parked(event(6)), Parked(event(7, "c"))])
    assert [letter.event.position for letter in await due(store)] == [1, 3, 7]
    first = (await due(store))[0]
    following = await store.settle(GROUP, first)
    assert following is not None
    assert (following.event, following.attempts) == (events[1], 0)
    assert [letter.event.position for letter in await due(store)] == [2, 3, 7]


async def test_one_that_is_tried_again_stays_the_first_of_its_subject(database: Database) -> None:
    store = EventStore(database)
    failed, behind = event(1), event(2)
    await store.park(GROUP, [Parked(failed, 1, 3600.0, "OSError: no"), Parked(behind, behind=True)])
    assert await due(store) == []
    (letter,) = await store.letters_of(GROUP.tenant_id, failed.id, None)
    following = await store.fail_again(GROUP, letter, "OSError: still no", 3600.0)
    assert following is not None
    assert (following.event, following.attempts, following.error) == (failed, 2, "OSError: still no")
    assert await store.fail_again(GROUP, letter, "of a member that was late", None) == following
    following = await store.fail_again(GROUP, following, "OSError: never", None)
    assert following is not None
    assert following.event == behind
    assert [each.event for each in await due(store)] == [behind]
    assert await store.settle(GROUP, following) is None
    assert await store.counts(GROUP.tenant_id) == [("readers", "dead", 1)]


async def test_an_event_that_is_set_aside_twice_is_one_letter(database: Database) -> None:
    store = EventStore(database)
    again = event(1)
    await store.park(GROUP, [Parked(again, 1, 0.0, "OSError: no"), Parked(again, behind=True)])
    await store.park(GROUP, [Parked(again)])
    (letter,) = await due(store)
    assert (letter.attempts, letter.error) == (1, "OSError: no")


async def test_who_takes_slots_over_learns_which_subjects_wait_and_frees_the_first(
    database: Database,
) -> None:
    store = EventStore(database)
    first, second = event(1), event(2)
    await store.park(GROUP, [Parked(first, behind=True), Parked(second, behind=True)])
    assert await due(store) == []
    assert await store.take_up(GROUP, [4]) == {}
    assert await store.take_up(GROUP, [3]) == {(UUID(str(DEFAULT_TENANT)), "a"): 3}
    assert [letter.event for letter in await due(store)] == [first]

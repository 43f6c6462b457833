from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest

from stretto.errors import DatabaseUnreachable, Invalid, NotPossible
from stretto.stream import Cursor, EndEvent, Event, FactEvent, Hub, RetractEvent, Row, TextEvent
from stretto.stream.cohort import _merge
from stretto.stream.reading import LiveText
from stretto.testing.journal import MemoryLog
from tests.unit.stream.writing import AT, Client, Writer


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub(poll_s=0.001) as hub:
        yield hub


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


class Listener:
    """Takes all events at once and lets a test wait for them."""

    def __init__(self, events: AsyncGenerator[Event]) -> None:
        self.seen: list[Event] = []
        self.task = asyncio.create_task(self._listen(events))

    async def _listen(self, events: AsyncGenerator[Event]) -> None:
        async with aclosing(events):
            async for event in events:
                self.seen.append(event)

    async def have(self, count: int) -> list[Event]:
        """The events since the last call, once there are `count`."""
        async with asyncio.timeout(5):
            while len(self.seen) < count:
                assert not self.task.done(), self.task.exception() or f"ended with {self.seen}"
                await asyncio.sleep(0.001)
        seen, self.seen = self.seen, []
        assert len(seen) == count
        return seen

    async def end(self) -> list[Event]:
        await asyncio.wait_for(self.task, 5)
        return self.seen

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def started(hub: Hub, log: MemoryLog) -> tuple[Writer, Listener]:
    """A run with the step `a` at work, and a listener that has seen so."""
    writer = Writer(hub, log)
    writer.start("a")
    writer.commit()
    listener = Listener(hub.follow(writer.run_id, log))
    await listener.have(2)
    return writer, listener


def shown(events: list[Event]) -> list[tuple[int, str]]:
    return [(event.offset, event.text) for event in events if isinstance(event, TextEvent)]


async def quiet() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_text_is_live_before_its_row_and_facts_after_their_commit(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    writer.write("a", 3)
    (event,) = await listener.have(1)
    assert (shown([event]), event.id) == ([(0, "abc")], "2!1.3.a")
    writer.fact("PrioritySet")
    await quiet()
    assert listener.seen == []
    writer.commit()
    writer.publish()
    (event,) = await listener.have(1)
    assert isinstance(event, FactEvent)
    assert event.id == "3!1.3.a"
    writer.end(cancelled=False)
    *_, last = await listener.end()
    assert isinstance(last, EndEvent)
    assert (last.id, last.status) == ("5", "completed")


async def test_text_waits_for_facts_that_it_follows(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    writer.write("b", 3)
    await quiet()
    assert listener.seen == []
    writer.commit()
    writer.publish()
    fact, text = await listener.have(2)
    assert isinstance(fact, FactEvent)
    assert shown([text]) == [(0, "abc")]
    writer.retract("b", 2, same_attempt=True)
    writer.write("b", 1)
    await quiet()
    assert listener.seen == []
    writer.commit()
    writer.publish()
    retraction, text = await listener.have(2)
    assert isinstance(retraction, RetractEvent)
    assert shown([text]) == [(1, "d")]
    await listener.leave()


async def test_what_comes_in_one_go_is_one_event_for_each_step(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    writer.start("b")
    writer.commit()
    writer.publish()
    await listener.have(1)
    for _ in range(50):
        writer.write("a", 1)
        writer.write("b", 1)
    assert [(event.step, len(event.text)) for event in await listener.have(2) if isinstance(event, TextEvent)] == [
        ("a", 50),
        ("b", 50),
    ]
    await listener.leave()


async def test_who_comes_in_mid_stream_is_live_from_the_next_row_on(hub: Hub, log: MemoryLog) -> None:
    writer, first = await started(hub, log)
    writer.write("a", 5)
    writer.flush()
    writer.commit()
    writer.publish()
    writer.write("a", 2)
    await quiet()
    late = Listener(hub.follow(writer.run_id, log))
    assert shown(await late.have(4)) == [(0, "abcde"), (5, "fg")]  # the ring still had it
    await late.leave()
    await first.leave()

    alone = Listener(hub.follow(writer.run_id, log, Cursor(3)))
    await quiet()
    writer.write("a", 2)
    await quiet()
    assert alone.seen == []  # what was written while nobody followed has no row yet
    writer.flush()
    writer.write("a", 1)
    writer.commit()
    writer.publish()
    assert shown(await alone.have(2)) == [(5, "fghi"), (9, "j")]
    writer.write("a", 1)
    assert shown(await alone.have(1)) == [(10, "k")]
    await alone.leave()


class SlowLog(MemoryLog):
    """Reads when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.reading = asyncio.Event()

    async def read(self, run_id: UUID, after_seq: int, limit: int) -> Sequence[Row]:
        rows = await super().read(run_id, after_seq, limit)
        self.reading.set()
        await self.gate.wait()
        return rows


async def test_rows_that_are_committed_while_the_log_is_read_come_once(hub: Hub) -> None:
    log = SlowLog()
    writer = Writer(hub, log)
    writer.start("a")
    writer.commit()
    client = Listener(hub.follow(writer.run_id, log))
    await log.reading.wait()
    writer.publish()
    writer.write("a", 3)
    writer.flush()
    writer.commit()
    writer.publish()
    writer.write("a", 2)
    log.gate.set()
    assert shown(await client.have(4)) == [(0, "abc"), (3, "de")]
    writer.fact("PrioritySet")
    writer.commit()
    await quiet()
    writer.publish()
    writer.publish()
    await client.have(1)
    assert log.reads == 1  # the rest came from the ring
    await client.leave()


async def test_rows_that_are_published_late_come_once(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    first = writer.rows[:]
    writer.fact("PrioritySet")
    writer.commit()
    (event,) = await listener.have(1)  # a poll found it
    assert event.id == "3"
    hub.publish_committed(writer.run_id, first)
    writer.publish()
    assert [item.seq for item in hub._channels[writer.run_id.int].items if isinstance(item, Row)] == [3]
    writer.write("a", 3)
    assert shown(await listener.have(1)) == [(0, "abc")]
    await listener.leave()


async def test_who_comes_back_is_live_at_once(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    writer.write("a", 3)
    writer.flush()
    writer.fact("PrioritySet")
    writer.commit()
    writer.publish()
    writer.write("a", 2)
    await listener.have(3)
    back = Listener(hub.follow(writer.run_id, log, Cursor(4)))
    assert shown(await back.have(1)) == [(3, "de")]
    await back.leave()
    await listener.leave()


async def test_rows_that_were_not_published_here_are_read() -> None:
    log = MemoryLog()
    async with Hub(poll_s=60) as hub:
        writer, listener = await started(hub, log)
        writer.crash(here=False, retract=False)
        await quiet()
        writer.fact("PrioritySet")
        writer.commit()
        await quiet()
        hub.open_run(writer.run_id)
        writer.here = True
        writer.fact("RunClaimed")
        writer.unpublished = []
        writer.commit()
        writer.publish()
        assert [event.id for event in await listener.have(4)] == ["3", "4", "5", "6"]
        await listener.leave()


async def test_a_writer_that_has_left_shows_nothing_more(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    hub.close_run(writer.run_id)
    writer.write("a", 3)
    await quiet()
    assert listener.seen == []
    await listener.leave()


class NotingLog(MemoryLog):
    """Notes which runs were polled."""

    def __init__(self) -> None:
        super().__init__()
        self.polled: list[set[UUID]] = []
        self.enough = asyncio.Event()

    async def read_many(self, heads: Mapping[UUID, int], limit: int) -> Mapping[UUID, Sequence[Row]]:
        self.polled.append(set(heads))
        if len(self.polled) == 30:
            self.enough.set()
        return await super().read_many(heads, limit)


async def test_runs_carried_out_here_are_polled_seldom(hub: Hub) -> None:
    log = NotingLog()
    writer, listener = await started(hub, log)
    elsewhere = uuid4()
    log.add(elsewhere, [Row(1, "RunAccepted", AT)])
    other = Listener(hub.follow(elsewhere, log))
    await log.enough.wait()
    assert sum(elsewhere in runs for runs in log.polled) >= 20
    assert 1 <= sum(writer.run_id in runs for runs in log.polled) <= 4
    await listener.leave()
    await other.leave()


async def test_a_slow_reader_costs_no_memory_and_loses_nothing(log: MemoryLog) -> None:
    async with Hub(max_events=20, max_chars=200) as hub:
        writer = Writer(hub, log)
        writer.start("a")
        writer.commit()
        client = Client()
        async with aclosing(hub.follow(writer.run_id, log)) as events:
            client.apply(await anext(events))
            channel = hub._channels[writer.run_id.int]
            for number in range(3000):
                writer.write("a", 3)
                if number % 10 == 9:
                    writer.flush()
                    writer.commit()
                    writer.publish()
                if number % 700 == 0:
                    client.apply(await anext(events))
                assert len(channel.items) <= 20
                assert sum(len(item.text or "") for item in channel.items) <= 200
            writer.end(cancelled=False)
            async for event in events:
                client.apply(event)
        client.check(writer.rows)
        assert client.ended


async def test_runs_of_other_processes_share_one_poll(hub: Hub, log: MemoryLog) -> None:
    runs = [uuid4() for _ in range(30)]
    for run_id in runs:
        log.add(run_id, [Row(1, "RunAccepted", AT)])
    listeners = [Listener(hub.follow(run_id, log)) for run_id in runs for _ in range(3)]
    for listener in listeners:
        await listener.have(1)
    reads, polls = log.reads, log.polls
    for run_id in runs:
        log.add(
            run_id,
            [Row(2, "StepStarted", AT, "a", 1), Row(3, "Text", AT, "a", 1, 0, None, "hello"), Row(4, "RunFailed", AT)],
        )
    for listener in listeners:
        assert [type(event) for event in await listener.end()] == [FactEvent, TextEvent, FactEvent, EndEvent]
    assert log.reads == reads
    assert log.polls - polls <= 3


class FailingLog(MemoryLog):
    """Cannot be polled for a while, or at all."""

    def __init__(self, errors: list[Exception]) -> None:
        super().__init__()
        self.errors = errors

    async def read_many(self, heads: Mapping[UUID, int], limit: int) -> Mapping[UUID, Sequence[Row]]:
        if self.errors:
            raise self.errors.pop()
        return await super().read_many(heads, limit)


async def test_a_poll_that_fails_is_made_again(hub: Hub) -> None:
    log = FailingLog([DatabaseUnreachable(), DatabaseUnreachable()])
    run_id = uuid4()
    log.add(run_id, [Row(1, "RunAccepted", AT)])
    listener = Listener(hub.follow(run_id, log))
    await listener.have(1)
    log.add(run_id, [Row(2, "RunCompleted", AT)])
    assert len(await listener.end()) == 2
    assert log.errors == []


async def test_a_poll_that_cannot_work_is_told_to_the_followers(hub: Hub) -> None:
    log = FailingLog([ValueError("no such table")])
    run_id = uuid4()
    log.add(run_id, [Row(1, "RunAccepted", AT)])
    listener = Listener(hub.follow(run_id, log))
    with pytest.raises(ValueError, match="no such table"):
        await listener.end()
    again = Listener(hub.follow(run_id, log, Cursor(1)))
    log.add(run_id, [Row(2, "RunCompleted", AT)])
    assert len(await again.end()) == 2


async def test_a_run_taken_over_unnoticed_is_followed_from_the_log(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    writer.write("a", 3)
    await listener.have(1)
    writer.be_taken_over(retract=False)
    writer.write("a", 4)
    writer.end(cancelled=False)
    client = Client()
    client.texts, client.facts, client.last_id = {"a": "abc"}, [1, 2], "2!1.3.a"
    for event in await listener.end():
        client.apply(event)
    client.check(writer.rows)
    assert client.retractions == 1


@pytest.mark.parametrize("moment", ["before anybody knows", "when the hub knows", "when its engine knows"])
async def test_a_process_that_lost_its_run_is_not_believed(hub: Hub, log: MemoryLog, moment: str) -> None:
    writer, listener = await started(hub, log)
    writer.write("a", 3)
    writer.flush()
    writer.commit()
    writer.publish()
    await listener.have(1)
    writer.be_taken_over(retract=False)
    zombie = writer.zombie
    assert zombie is not None
    zombie.texts["a"].start_attempt(2, 0)
    zombie.follows["a"] = zombie.fact("StepStarted", "a", 2)  # the other process gives its attempt this number, too
    if moment == "before anybody knows":
        zombie.write("a", 2)
    if moment == "when its engine knows":
        writer.notice()
        zombie.write("a", 2)
    writer.commit()
    await listener.have(2)
    if moment == "when the hub knows":
        zombie.write("a", 2)
    await quiet()
    assert listener.seen == []
    writer.write("a", 4)
    writer.end(cancelled=False)
    assert shown(await listener.end()) == [(3, writer.texts["a"].slice(3))]


def test_only_text_of_one_attempt_is_joined() -> None:
    texts = [
        LiveText("a", 1, 0, "ab", AT, 1),
        LiveText("b", 1, 0, "x", AT, 1),
        LiveText("a", 1, 2, "c", AT, 1),
        LiveText("a", 1, 3, "d", AT, 5),
        LiveText("a", 2, 4, "e", AT, 5),
        LiveText("a", 2, 6, "g", AT, 5),
    ]
    assert [(live.step, live.attempt, live.offset, live.text) for live in _merge(texts)] == [
        ("a", 1, 0, "abc"),
        ("a", 1, 3, "d"),
        ("a", 2, 4, "e"),
        ("a", 2, 6, "g"),
        ("b", 1, 0, "x"),
    ]


async def test_a_hub_that_closes_ends_its_followers(log: MemoryLog) -> None:
    async with Hub() as hub:
        _, listener = await started(hub, log)
    assert await listener.end() == []
    with pytest.raises(NotPossible, match="not at work"):
        await anext(hub.follow(uuid4(), log))


async def test_nobody_follows_after_the_last_has_left(hub: Hub, log: MemoryLog) -> None:
    writer, listener = await started(hub, log)
    other = Listener(hub.follow(writer.run_id, log))
    await other.have(2)
    await listener.leave()
    assert hub.is_followed(writer.run_id)
    await other.leave()
    assert not hub.is_followed(writer.run_id)
    polls = log.polls
    await asyncio.sleep(0.01)
    assert log.polls == polls


async def test_a_cursor_of_another_run_is_refused(hub: Hub, log: MemoryLog) -> None:
    writer = Writer(hub, log)
    writer.commit()
    with pytest.raises(Invalid, match=r"names row 5, which run .* does not have"):
        await anext(hub.follow(writer.run_id, log, Cursor(5)))
    assert not hub.is_followed(writer.run_id)


async def test_who_comes_back_after_the_end_gets_the_end(hub: Hub, log: MemoryLog) -> None:
    writer = Writer(hub, log)
    writer.end(cancelled=True)
    assert [(event.event, event.id) for event in await Listener(hub.follow(writer.run_id, log, Cursor(2))).end()] == [
        ("end", "2")
    ]


async def test_a_failed_run_that_was_tried_again_has_not_ended(hub: Hub, log: MemoryLog) -> None:
    writer = Writer(hub, log)
    writer.fact("RunFailed")
    writer.commit()
    first = await Listener(hub.follow(writer.run_id, log)).end()
    assert [(event.event, event.id) for event in first] == [("fact", "1"), ("fact", "2"), ("end", "2")]
    writer.fact("RunRetried")
    writer.end(cancelled=False)
    for after, expected in ((0, 4), (2, 2)):
        events = await Listener(hub.follow(writer.run_id, log, Cursor(after))).end()
        assert [event.event for event in events] == ["fact"] * expected + ["end"]


async def test_text_that_was_lost_for_good_is_taken_back_at_the_end(hub: Hub, log: MemoryLog) -> None:
    writer = Writer(hub, log)
    writer.write("a", 4)
    writer.flush()
    writer.commit()
    writer.fact("RunCancelled")
    writer.commit()
    # It saw more than was stored, and then the process died.
    events = await Listener(hub.follow(writer.run_id, log, Cursor(3, {"a": (1, 9)}))).end()
    assert [event.event for event in events] == ["fact", "retract", "end"]
    assert [(event.from_offset, event.id) for event in events if isinstance(event, RetractEvent)] == [(4, "4")]

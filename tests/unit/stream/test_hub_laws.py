"""Whatever happens in whatever order, every follower ends with the text that the log tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stretto.stream import Event, Hub
from stretto.testing.journal import MemoryLog
from tests.unit.stream.writing import Client, Writer

STEPS = ["design", "build[2].code", "fan[0].write"]


class Reader:
    """A client at a follower; it takes only as many events as it is allowed to."""

    def __init__(self, hub: Hub, writer: Writer) -> None:
        self.client = Client()
        self._hub = hub
        self._writer = writer
        self._allowed = asyncio.Semaphore(0)
        self._task = asyncio.create_task(self._read())

    def allow(self, count: int) -> None:
        for _ in range(count):
            self._allowed.release()

    async def _read(self) -> None:
        events: AsyncGenerator[Event] = self._hub.follow(self._writer.run_id, self._writer.log, self.client.after)
        try:
            while True:
                await self._allowed.acquire()
                self.client.apply(await anext(events))
        except StopAsyncIteration:
            pass
        finally:
            await events.aclose()

    async def leave(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def reconnect(self) -> None:
        await self.leave()
        self._task = asyncio.create_task(self._read())

    async def finish(self) -> None:
        """Read to the very end, coming back when the run had ended only for a while."""
        while True:
            self.allow(10_000)
            await asyncio.wait_for(asyncio.shield(self._task), 10)
            if self.client.ended == len(self._writer.rows):
                return
            await self.reconnect()


def operate(random: Random, writer: Writer) -> None:
    """One thing that a writer does, at random."""
    step = random.choice(STEPS)
    match random.choices(
        ["write", "flush", "flush all", "commit", "publish", "retract", "fact", "crash", "take over", "fail and retry"],
        [30, 6, 3, 8, 8, 4, 2, 1, 1, 1],
    )[0]:
        case "write":
            writer.write(step, random.randint(1, 5))
        case "flush":
            writer.flush(step)
        case "flush all":
            writer.flush()
        case "commit":
            writer.commit()
        case "publish":
            writer.publish()
        case "retract":
            back, same_attempt, keep_rows = random.randint(0, 9), random.random() < 0.5, random.random() < 0.5
            writer.retract(step, back, same_attempt=same_attempt, keep_rows=keep_rows)
        case "fact":
            writer.fact("PrioritySet")
        case "crash":
            writer.crash(here=random.random() < 0.7, retract=random.random() < 0.5)
        case "take over":
            writer.be_taken_over(retract=random.random() < 0.5)
        case _:
            writer.fail_and_retry()


def operate_zombie(random: Random, writer: Writer, zombie: Writer) -> None:
    """One thing that a process does that has lost the run and does not know it."""
    step = random.choice(STEPS)
    match random.choices(["write", "retract", "notice"], [8, 3, 1])[0]:
        case "write":
            zombie.write(step, random.randint(1, 5))
        case "retract":
            zombie.retract(step, random.randint(0, 9), same_attempt=random.random() < 0.5)
        case _:
            writer.notice()


async def play(random: Random, length: int, *, max_events: int, max_chars: int) -> None:
    log = MemoryLog()
    async with Hub(poll_s=0.0005, max_events=max_events, max_chars=max_chars) as hub:
        writer = Writer(hub, log)
        writer.commit()
        eager, fickle, slow = readers = [Reader(hub, writer) for _ in range(3)]
        eager.allow(100_000)
        for _ in range(length):
            operate(random, writer)
            if writer.zombie is not None and random.random() < 0.5:
                operate_zombie(random, writer, writer.zombie)
            if random.random() < 0.1:
                await fickle.reconnect()
            fickle.allow(random.randint(0, 3))
            if random.random() < 0.1:
                slow.allow(random.randint(0, 12))
            for _ in range(random.choice([0, 0, 1, 2, 6])):
                await asyncio.sleep(0)
        writer.end(cancelled=random.random() < 0.5)
        for each in readers:
            await each.finish()
            each.client.check(writer.rows)
        assert not hub.is_followed(writer.run_id)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([(4096, 262_144), (6, 262_144), (4096, 20)]))
def test_every_follower_ends_with_the_text_of_the_log(seed: int, length: int, bounds: tuple[int, int]) -> None:
    asyncio.run(play(Random(seed), length, max_events=bounds[0], max_chars=bounds[1]))


@pytest.mark.parametrize("seed", range(12))
def test_long_runs(seed: int) -> None:
    random = Random(seed)
    max_events, max_chars = random.choice([(4096, 262_144), (6, 262_144), (4096, 20)])
    asyncio.run(play(random, 400, max_events=max_events, max_chars=max_chars))

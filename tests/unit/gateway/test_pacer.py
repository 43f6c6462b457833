"""The pacer on a clock that the test turns, so that its times are exact."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from stretto.errors import ModelError
from stretto.gateway.simulated.pacer import TICK_S, Pacer
from stretto.testing import KeptAnswer


class Timer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when, self.callback, self.cancelled = when, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class TurnedLoop:
    """The parts of an event loop that the pacer uses, with time that the test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []
        self.wakes = 0

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    @property
    def waiting(self) -> list[Timer]:
        self.timers = [timer for timer in self.timers if not timer.cancelled]
        return self.timers

    async def turn_to(self, seconds: float) -> None:
        """Move on to `seconds` after the start, firing each timer at its time."""
        target = 1000.0 + seconds
        while due := [timer for timer in self.waiting if timer.when <= target]:
            timer = min(due, key=lambda timer: timer.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            self.wakes += 1
            timer.callback()
            await asyncio.sleep(0)
        self.now = target
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def jump_to(self, seconds: float) -> None:
        """Move on as a loop does that was busy meanwhile: its timers fire late."""
        self.now = 1000.0 + seconds
        await self.turn_to(seconds)


class Sink(KeptAnswer):
    def __init__(self, loop: TurnedLoop) -> None:
        super().__init__()
        self.loop = loop
        self.times: list[float] = []

    def write(self, tokens: list[str]) -> None:
        super().write(tokens)
        self.times += [self.loop.now - 1000.0] * len(tokens)


@pytest.fixture
def loop() -> TurnedLoop:
    return TurnedLoop()


def pacer_on(loop: TurnedLoop, tokens_per_s: float) -> Pacer:
    return Pacer(cast("asyncio.AbstractEventLoop", loop), tokens_per_s)


async def start(pacer: Pacer, tokens: list[str], sink: Sink, delay_s: float = 0.0) -> asyncio.Task[None]:
    task = asyncio.create_task(pacer.play(tokens, sink, delay_s=delay_s))
    await asyncio.sleep(0)
    return task


WORDS = [f"w{n} " for n in range(100)]


@pytest.mark.parametrize("rate", [3.0, 20.0, 50.0, 60.0, 333.0])
async def test_each_token_comes_at_its_time(loop: TurnedLoop, rate: float):
    pacer, sink = pacer_on(loop, rate), Sink(loop)
    task = await start(pacer, WORDS, sink, delay_s=0.25)
    await loop.turn_to(0.25 + 100 / rate + 1)
    await task
    assert sink.tokens == WORDS
    for n, at in enumerate(sink.times):
        assert 0.25 + n / rate - 1e-6 <= at <= 0.25 + n / rate + 2 * TICK_S


async def test_a_late_loop_writes_what_it_owes_at_once(loop: TurnedLoop):
    pacer, sink = pacer_on(loop, 50.0), Sink(loop)
    task = await start(pacer, WORDS, sink)
    await loop.turn_to(0.1)
    assert len(sink.tokens) == 6
    await loop.jump_to(1.0)
    assert len(sink.tokens) == 51
    await loop.turn_to(3.0)
    await task
    assert sink.tokens == WORDS


async def test_a_call_that_joins_a_late_group_is_not_owed_anything(loop: TurnedLoop):
    pacer, first, second = pacer_on(loop, 50.0), Sink(loop), Sink(loop)
    one = await start(pacer, WORDS, first)
    await loop.turn_to(0.1)
    two = await start(pacer, WORDS, second, delay_s=0.9)
    await loop.jump_to(1.0)
    assert len(first.tokens) == 51
    assert len(second.tokens) <= 1
    await loop.turn_to(5.0)
    await asyncio.gather(one, two)
    assert first.tokens == second.tokens == WORDS


async def test_all_at_once_when_the_speed_has_no_bound(loop: TurnedLoop):
    pacer, sink = pacer_on(loop, float("inf")), Sink(loop)
    task = await start(pacer, WORDS, sink, delay_s=0.1)
    await loop.turn_to(0.09)
    assert sink.tokens == []
    await loop.turn_to(0.11)
    await task
    assert sink.tokens == WORDS


async def test_many_calls_share_a_few_wakes(loop: TurnedLoop):
    pacer = pacer_on(loop, 50.0)
    sinks = [Sink(loop) for _ in range(200)]
    tasks = [await start(pacer, WORDS, sink, delay_s=n * 0.00317) for n, sink in enumerate(sinks)]
    await loop.turn_to(4.0)
    await asyncio.gather(*tasks)
    assert all(sink.tokens == WORDS for sink in sinks)
    assert loop.wakes <= 4.0 / TICK_S
    assert loop.waiting == []


async def test_idle_it_has_no_timer(loop: TurnedLoop):
    pacer, sink = pacer_on(loop, 50.0), Sink(loop)
    assert loop.waiting == []
    task = await start(pacer, WORDS, sink, delay_s=60.0)
    assert len(loop.waiting) == 1
    task.cancel()
    await asyncio.wait([task])
    assert loop.waiting == []
    assert pacer.active == 0


async def test_one_that_starts_sooner_is_not_held_up_by_one_that_starts_later(loop: TurnedLoop):
    pacer, late, soon = pacer_on(loop, 50.0), Sink(loop), Sink(loop)
    one = await start(pacer, WORDS, late, delay_s=60.0)
    two = await start(pacer, WORDS, soon, delay_s=0.5)
    await loop.turn_to(0.52)
    assert len(soon.tokens) in (1, 2)
    assert late.tokens == []
    await loop.turn_to(70.0)
    await asyncio.gather(one, two)
    assert late.times[0] == pytest.approx(60.0, abs=2 * TICK_S)


async def test_a_call_cancelled_just_before_a_push_gets_nothing_of_it(loop: TurnedLoop):
    pacer, sink, other = pacer_on(loop, 50.0), Sink(loop), Sink(loop)
    task, rest = await start(pacer, WORDS, sink), await start(pacer, WORDS, other)
    await loop.turn_to(0.1)
    task.cancel()  # its own `finally` has not run yet
    written = len(sink.tokens)
    timer = loop.waiting.pop()
    loop.now = timer.when
    timer.callback()
    assert len(sink.tokens) == written
    assert len(other.tokens) == written + 1
    await asyncio.wait([task])
    await loop.turn_to(3.0)
    await rest


async def test_close_ends_calls_with_the_error(loop: TurnedLoop):
    pacer, sink = pacer_on(loop, 50.0), Sink(loop)
    task = await start(pacer, WORDS, sink, delay_s=0.0)
    await loop.turn_to(0.1)
    pacer.close(ModelError("closed"))
    with pytest.raises(ModelError, match="closed"):
        await task
    assert loop.waiting == []

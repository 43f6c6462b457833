"""A second call beside one that is slow to begin: whichever speaks first goes on, the other is cancelled.

After Dean and Barroso, "The tail at scale" (CACM 56(2), 2013): a second request once the first has been out for longer than
the 95th percentile shortens the tail at a few per cent of additional load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from stretto.gateway.call import ModelCall, Race
from stretto.gateway.provider import Completion


async def carry_out_hedged(
    first: ModelCall, race: Race, after_s: float, second: Callable[[], Awaitable[ModelCall | None]]
) -> tuple[ModelCall, Completion]:
    """Make the first call, and after `after_s` of silence the second one, if there is one; gives the one that answered.

    Both relays belong to `race`. Raises what the call raises that spoke, or the last of them when none did.
    """
    calls: dict[asyncio.Task[Completion], ModelCall] = {}

    def begin(call: ModelCall) -> None:
        task = asyncio.create_task(call.carry_out(), name="model call")
        calls[task] = call
        race.runners[call.relay] = task

    try:
        begin(first)
        await asyncio.wait(calls, timeout=after_s)
        if race.winner is None and not any(task.done() for task in calls):
            hedge = await second()
            if hedge is not None:
                begin(hedge)
        return await _first_to_answer(calls, race)
    finally:
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for call in calls.values():
            call.abandon()


async def _first_to_answer(
    calls: dict[asyncio.Task[Completion], ModelCall], race: Race
) -> tuple[ModelCall, Completion]:
    running: set[asyncio.Task[Completion]] = set(calls)
    while True:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            speaks = race.winner is None or race.winner is calls[task].relay
            if task.cancelled():
                continue  # it has lost
            error = task.exception()
            if error is None and speaks:
                return calls[task], task.result()
            if error is not None and (race.winner is calls[task].relay or not running):
                raise error
        if not running:
            raise asyncio.CancelledError

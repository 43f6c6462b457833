"""One timer that pushes the due tokens of many calls.

A timing wheel: calls stand in the slot of the tick at which their next token is due. A call costs
one list append a push, no task and no timer of its own, so that one process drives thousands.
"""

from __future__ import annotations

import asyncio
import math
from heapq import heappop, heappush

from stretto.errors import ModelError
from stretto.gateway.provider import TokenSink

TICK_S = 0.01


class _Call:
    """One call's tokens on their way."""

    __slots__ = ("done", "gap_s", "position", "rate", "slot", "start_s", "tokens", "write")

    def __init__(self, tokens: list[str], sink: TokenSink, start_s: float, rate: float, done: asyncio.Future[None]):
        self.tokens = tokens
        self.write = sink.write
        self.start_s = start_s
        self.rate = rate
        self.gap_s = 1 / rate
        self.position = 0
        self.slot = 0
        self.done = done


class Pacer:
    """Plays tokens into sinks at a given speed; idle, it has no timer at all. It belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._slots: dict[int, list[_Call]] = {}
        self._due: list[int] = []  # heap of the slots' numbers
        self._timer: asyncio.TimerHandle | None = None
        self._timer_slot = 0
        self._calls: set[_Call] = set()

    @property
    def active(self) -> int:
        """How many calls are being played."""
        return len(self._calls)

    async def play(self, tokens: list[str], sink: TokenSink, *, delay_s: float, tokens_per_s: float) -> None:
        """Write the tokens into the sink, the first after `delay_s`, and return when the last is written.

        What `sink.write` raises is raised here. Cancelling ends it at once: not one more token is written.
        """
        start_s = self.loop.time() + delay_s
        call = _Call(tokens, sink, start_s, tokens_per_s, self.loop.create_future())
        self._calls.add(call)
        self._put(call, math.ceil(start_s / TICK_S))
        self._set_timer()
        try:
            await call.done
        finally:
            self._drop(call)

    def close(self, error: ModelError) -> None:
        """End all calls with this error."""
        for call in tuple(self._calls):
            if not call.done.done():
                call.done.set_exception(error)
            self._drop(call)

    def _put(self, call: _Call, slot: int) -> None:
        call.slot = slot
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [call]
            heappush(self._due, slot)
        else:
            waiting.append(call)

    def _drop(self, call: _Call) -> None:
        if call not in self._calls:
            return
        self._calls.discard(call)
        waiting = self._slots.get(call.slot)
        if waiting is not None and call in waiting:
            waiting.remove(call)
        if not self._calls:
            self._slots.clear()
            self._due.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _set_timer(self) -> None:
        slot = self._due[0]
        if self._timer is not None:
            if self._timer_slot <= slot:
                return
            self._timer.cancel()
        self._timer_slot = slot
        self._timer = self.loop.call_at(slot * TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        # A loop may fire a hair early; the slot that it was set for is due all the same.
        now = max(self.loop.time(), self._timer_slot * TICK_S)
        last_slot = int(now / TICK_S + 1e-6)
        while self._due and self._due[0] <= last_slot:
            self._serve(self._slots.pop(heappop(self._due)), now, last_slot)
        if self._due:
            self._set_timer()

    def _serve(self, calls: list[_Call], now: float, this_slot: int) -> None:
        slots = self._slots
        for call in calls:
            if call.done.done():
                continue
            position = call.position
            due = (now - call.start_s) * call.rate
            try:
                if due + 1 >= len(call.tokens):
                    call.write(call.tokens[position:] if position else call.tokens)
                    self._calls.discard(call)
                    call.done.set_result(None)
                    continue
                upto = int(due) + 1
                if upto > position:
                    call.write(call.tokens[position:upto])
                    call.position = upto
            except Exception as error:  # the sink's: it belongs to this call alone
                self._calls.discard(call)
                if not call.done.done():
                    call.done.set_exception(error)
                continue
            slot = int((call.start_s + upto * call.gap_s) / TICK_S) + 1
            if slot <= this_slot:
                slot = this_slot + 1
            call.slot = slot
            waiting = slots.get(slot)
            if waiting is None:
                slots[slot] = [call]
                heappush(self._due, slot)
            else:
                waiting.append(call)

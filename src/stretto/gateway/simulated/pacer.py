"""One timer that pushes the due tokens of many calls.

Calls whose tokens are due at the same moments form a group; for each push of a group one number says how far
its calls are, so that a token costs little more than the call of `sink.write`: no task, no timer and no
arithmetic of its own. Times are exact to two ticks.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from heapq import heappop, heappush

from stretto.errors import ModelError
from stretto.gateway.provider import TokenSink

TICK_S = 0.01
_ALL = 1 << 40  # more tokens than any call has


class _Call:
    """One call's tokens; it wrote none before its group's push number `base`, and has written all at `end`."""

    __slots__ = ("base", "done", "end", "group", "tokens", "write")

    def __init__(self, tokens: list[str], sink: TokenSink, done: asyncio.Future[None]) -> None:
        self.tokens = tokens
        self.write = sink.write
        self.done = done
        self.base = self.end = 0
        self.group: _Group | None = None


class _Group:
    """Calls that write at the same moments. `pushed` counts its pushes, the next is due at `next_s`."""

    __slots__ = ("calls", "gap_s", "next_s", "pushed")

    def __init__(self, gap_s: float, next_s: float) -> None:
        self.gap_s = gap_s
        self.next_s = next_s
        self.pushed = 0
        self.calls: list[_Call] = []


class Pacer:
    """Plays tokens into sinks at one speed; idle, it has no timer at all. It belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tokens_per_s: float) -> None:
        self.loop = loop
        self._gap_s = 1 / tokens_per_s
        self._groups: list[_Group] = []
        self._starts: list[tuple[float, int, _Call]] = []  # heap
        self._order = itertools.count()
        self._calls: set[_Call] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0

    @property
    def active(self) -> int:
        """How many calls are being played."""
        return len(self._calls)

    async def play(self, tokens: list[str], sink: TokenSink, *, delay_s: float) -> None:
        """Write the tokens into the sink, the first after `delay_s`, and return when the last is written.

        What `sink.write` raises is raised here. Cancelling ends it at once: not one more token is written.
        """
        call = _Call(tokens, sink, self.loop.create_future())
        self._calls.add(call)
        heappush(self._starts, (self.loop.time() + delay_s, next(self._order), call))
        self._set_timer()
        try:
            await call.done
        finally:
            self._drop(call)

    def close(self, error: ModelError) -> None:
        """End all calls with this error."""
        for call in tuple(self._calls):
            self._end(call, error)
            self._drop(call)

    def _drop(self, call: _Call) -> None:
        """Forget a call, and with the last one the timer."""
        self._calls.discard(call)
        if call.group is not None:
            call.group.calls.remove(call)
            call.group = None
        if not self._calls:
            self._groups.clear()
            self._starts.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _end(self, call: _Call, error: Exception | None = None) -> None:
        if call.done.done():
            return
        if error is None:
            call.done.set_result(None)
        else:
            call.done.set_exception(error)

    def _set_timer(self) -> None:
        next_s = self._starts[0][0] if self._starts else math.inf
        for group in self._groups:
            next_s = min(next_s, group.next_s)
        if next_s == math.inf:
            return
        next_s = math.ceil(next_s / TICK_S) * TICK_S
        if self._timer is not None:
            if self._timer_s <= next_s:
                return
            self._timer.cancel()
        self._timer_s = next_s
        self._timer = self.loop.call_at(next_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        # A loop may fire a hair early; what the timer was set for is due all the same.
        now = max(self.loop.time(), self._timer_s)
        self._push_due(now)
        while self._starts and self._starts[0][0] <= now:
            call = heappop(self._starts)[2]
            if call in self._calls:
                self._join(call, now)
        self._push_due(now)  # new groups begin at once
        self._groups = [group for group in self._groups if group.calls]
        self._set_timer()

    def _push_due(self, now: float) -> None:
        for group in self._groups:
            if group.next_s <= now:
                self._push(group, now)

    def _join(self, call: _Call, now: float) -> None:
        """Put a call that starts now with a group that is due within a tick, or by itself."""
        for group in self._groups:
            if group.next_s <= now + TICK_S:
                break
        else:
            group = _Group(self._gap_s, now)
            self._groups.append(group)
        group.calls.append(call)
        call.group = group
        call.base = group.pushed
        call.end = group.pushed + len(call.tokens)

    def _push(self, group: _Group, now: float) -> None:
        """Write what is due to each call of the group."""
        start = group.pushed
        late = (now - group.next_s) / group.gap_s if group.gap_s else math.inf
        count = 1 + int(late) if late < _ALL else _ALL
        stop = start + count
        group.pushed = stop
        group.next_s += count * group.gap_s
        ended = False
        for call in group.calls:
            if call.done.done():  # cancelled just now
                continue
            base = call.base
            try:
                call.write(call.tokens[start - base : stop - base])
            except Exception as error:  # the sink's own: it ends this call alone
                self._end(call, error)
                ended = True
                continue
            if stop >= call.end:
                self._end(call)
                ended = True
        if ended:
            for call in group.calls:
                if call.done.done():
                    call.group = None
            group.calls = [call for call in group.calls if call.group is not None]

"""What a client of a run's stream gets, and its two forms on the wire.

Each event carries the cursor of one who has seen it, so that a client can go on from any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from stretto.stream.cursor import Cursor

_encode = msgspec.json.Encoder().encode


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    event: ClassVar[str]
    cursor: Cursor

    @property
    def id(self) -> str:
        """The cursor as a string: what `Last-Event-ID` holds."""
        return str(self.cursor)


class FactEvent(_Event, frozen=True, kw_only=True):
    """A fact was committed. `data` holds its fields, `step` is None for a fact of the whole run."""

    event: ClassVar[str] = "fact"
    seq: int
    name: str
    step: str | None
    data: Mapping[str, object]
    at: datetime


class TextEvent(_Event, frozen=True, kw_only=True):
    """A step has written. `offset` counts code points from the start of the step's stream."""

    event: ClassVar[str] = "text"
    step: str
    attempt: int
    offset: int
    text: str
    at: datetime


class RetractEvent(_Event, frozen=True, kw_only=True):
    """The text of a step from `from_offset` on is taken back; what comes next goes on from there."""

    event: ClassVar[str] = "retract"
    seq: int
    step: str
    from_offset: int
    reason: str


class EndEvent(_Event, frozen=True, kw_only=True):
    """The run is over, with `status` completed, failed or cancelled; nothing more comes."""

    event: ClassVar[str] = "end"
    seq: int
    status: str


Event = FactEvent | TextEvent | RetractEvent | EndEvent


def event_data(event: Event) -> dict[str, object]:
    """Give the fields of an event under the names that clients know."""
    match event:
        case TextEvent():
            return {
                "step": event.step,
                "attempt": event.attempt,
                "offset": event.offset,
                "text": event.text,
                "at": event.at,
            }
        case FactEvent():
            return {"seq": event.seq, "name": event.name, "step": event.step, "data": event.data, "at": event.at}
        case RetractEvent():
            return {"seq": event.seq, "step": event.step, "from_offset": event.from_offset, "reason": event.reason}
        case EndEvent():
            return {"seq": event.seq, "status": event.status}


def to_sse(event: Event) -> bytes:
    """Write an event in the `text/event-stream` form."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.event.encode(), _encode(event_data(event)))


def to_json_line(event: Event) -> bytes:
    """Write an event as one line of JSON: `event` and `id`, then the fields of the SSE form's data."""
    return _encode({"event": event.event, "id": event.id, **event_data(event)}) + b"\n"


CHUNK_BYTES = 16_384
"""From this size on, encoded events are a chunk of their own."""


class Batch:
    """Events that came in one go, at least one of them except at the end of a hub.

    Where `shared`, several followers take it: each form is made once and kept, and the events must be few.
    """

    __slots__ = ("_lines", "_sse", "events", "shared")

    def __init__(self, events: Sequence[Event], *, shared: bool = False) -> None:
        self.events = events
        self.shared = shared
        self._sse: list[bytes] | None = None
        self._lines: list[str] | None = None

    @property
    def chars(self) -> int:
        """Characters of text in it."""
        return sum(len(event.text) for event in self.events if isinstance(event, TextEvent))

    def sse(self) -> Iterable[bytes]:
        """The `text/event-stream` form, in chunks."""
        if not self.shared:
            return chunked(map(to_sse, self.events))
        if self._sse is None:
            self._sse = list(chunked(map(to_sse, self.events)))
        return self._sse

    def lines(self) -> Iterable[str]:
        """Each event as JSON on a line of its own, without the line's end."""
        if not self.shared:
            return map(_line, self.events)
        if self._lines is None:
            self._lines = list(map(_line, self.events))
        return self._lines


def _line(event: Event) -> str:
    return to_json_line(event)[:-1].decode()


def chunked(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Join small pieces; a piece is never split."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)

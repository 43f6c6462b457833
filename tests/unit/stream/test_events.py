from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from stretto.stream import Cursor, EndEvent, Event, FactEvent, RetractEvent, TextEvent, to_json_line, to_sse

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
CASES: list[tuple[Event, str, str, dict[str, object]]] = [
    (
        FactEvent(cursor=Cursor(3), seq=3, name="StepStarted", step="build[2].code", data={"attempt": 1}, at=AT),
        "3",
        "fact",
        {"seq": 3, "name": "StepStarted", "step": "build[2].code", "data": {"attempt": 1}, "at": "2026-01-02T03:04:05.678901Z"},
    ),
    (
        TextEvent(cursor=Cursor(3, {"b[2].c": (1, 9)}), step="b[2].c", attempt=1, offset=2, text="é\r\n\n\u2028x", at=AT),
        "3!1.9.b(2).c",
        "text",
        {"step": "b[2].c", "attempt": 1, "offset": 2, "text": "é\r\n\n\u2028x", "at": "2026-01-02T03:04:05.678901Z"},
    ),
    (
        RetractEvent(cursor=Cursor(4), seq=4, step="a", from_offset=7, reason="steered"),
        "4",
        "retract",
        {"seq": 4, "step": "a", "from_offset": 7, "reason": "steered"},
    ),
    (EndEvent(cursor=Cursor(5), seq=5, status="completed"), "5", "end", {"seq": 5, "status": "completed"}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "id", "name", "data"), CASES)
def test_wire_forms(event: Event, id: str, name: str, data: dict[str, object]) -> None:
    assert event.id == id
    head, kind, body, *rest = to_sse(event).split(b"\n")
    assert (head, kind, rest) == (b"id: " + id.encode(), b"event: " + name.encode(), [b"", b""])
    assert b"\r" not in body
    assert json.loads(body.removeprefix(b"data: ")) == data
    line = to_json_line(event)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"event": name, "id": id, **data}

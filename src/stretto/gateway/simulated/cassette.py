"""Recorded replies, one JSON object a line.

`{"match": "weather", "reply": "It rains.", "tool_calls": [{"name": "look_up", "arguments": {"city": "Oslo"}}]}`: the first line
whose `match` stands in the last message answers. Lines without `match` are for all the others, one after the other and then
from the beginning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson

from stretto.errors import SettingsInvalid
from stretto.gateway.provider import ModelRequest, ToolCall


class RecordedCall(msgspec.Struct, forbid_unknown_fields=True):
    """A tool call of a recorded reply."""

    name: str
    arguments: dict[str, Any] = {}


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One recorded reply."""

    reply: str = ""
    match: str | None = None
    tool_calls: list[RecordedCall] = []


class Cassette:
    """The recorded replies of a file."""

    def __init__(self, lines: list[Line]) -> None:
        self._matched = [line for line in lines if line.match is not None]
        self._in_turn = [line for line in lines if line.match is None]
        self._next = 0

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """Read a file. Raises `SettingsInvalid` naming the line that cannot be read."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(f"The cassette {path} cannot be read: {error}. Correct --cassette.") from None
        lines: list[Line] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                lines.append(msgspec.json.decode(line, type=Line))
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise SettingsInvalid(f"{path}:{number}: this is no recorded reply: {error}.") from None
        if not lines:
            raise SettingsInvalid(f"The cassette {path} holds no reply.")
        return cls(lines)

    def reply_to(self, request: ModelRequest) -> tuple[str, list[ToolCall]] | None:
        """Text and tool calls for a request; None when no line answers it."""
        asked = request.messages[-1].text if request.messages else ""
        for line in self._matched:
            if line.match is not None and line.match in asked:
                return _played(line)
        if not self._in_turn:
            return None
        line = self._in_turn[self._next % len(self._in_turn)]
        self._next += 1
        return _played(line)


def _played(line: Line) -> tuple[str, list[ToolCall]]:
    calls = [
        ToolCall(f"call_sim_{n}", call.name, orjson.dumps(call.arguments).decode())
        for n, call in enumerate(line.tool_calls)
    ]
    return line.reply, calls

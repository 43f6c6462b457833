"""A recording: one run's journal in a file of its own, with its flow, so that it can be shown anywhere and without a database.

The file is JSON Lines. The first line says what it is and holds the flow as plain data; each line after it is one row of the
journal, as the table has it (`cuts` in base64). What was said to models and tools is in it, so treat it as you treat the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from stretto.engine.rows import row_fact
from stretto.errors import FlowInvalid, Problem, RecordingInvalid
from stretto.flow.compile import compile_document
from stretto.flow.facts import FACTS
from stretto.flow.graph import Graph
from stretto.flow.progress import Progress
from stretto.stream.log import TEXT, Row
from stretto.stream.text import cuts_to_tokens

FORMAT = 1
MOST_BYTES = 256 << 20
"""Larger files are refused: all of one is in memory while it is shown."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run as it was written down."""

    run_id: UUID
    graph: Graph
    rows: list[Row]


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    stretto_recording: int
    run: UUID
    flow: dict[str, Any]


class _Line(Row, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A row as a line has it: what is empty is not there."""


_encode = msgspec.json.Encoder().encode
_HEAD = msgspec.json.Decoder(_Head)
_LINE = msgspec.json.Decoder(_Line)


def recording_lines(run_id: UUID, graph: Graph, rows: Iterable[Row]) -> Iterator[bytes]:
    """The lines of the file, each with its end."""
    yield _encode(_Head(FORMAT, run_id, dict(graph.document))) + b"\n"
    for row in rows:
        yield _encode(_Line(**msgspec.structs.asdict(row))) + b"\n"


def read_recording(path: Path) -> Recording:
    """The run that a file holds. Raises `RecordingInvalid`, which names the line."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _invalid(path, 0, f"It cannot be read: {error.strerror}.") from None
    if len(content) > MOST_BYTES:
        raise _invalid(path, 0, f"It has more than {MOST_BYTES >> 20} MiB.")
    first, *lines = content.splitlines() or [b""]
    head = _read_head(path, first)
    try:
        graph = compile_document(head.flow)
    except FlowInvalid as error:
        raise _invalid(path, 1, f"Its flow cannot be used: {error.problems[0].message}") from None
    progress = Progress(graph, lambda _: "", keep_turns=True)
    rows: list[Row] = []
    for number, line in enumerate(lines, start=2):
        rows.append(_read_row(path, number, line, progress))
    if not rows:
        raise _invalid(path, 2, "It holds no row of a journal.")
    return Recording(head.run, graph, rows)


def _read_head(path: Path, line: bytes) -> _Head:
    try:
        head = _HEAD.decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise _invalid(path, 1, "It is no recording of a run.") from None
    if head.stretto_recording != FORMAT:
        raise _invalid(path, 1, f"It is of format {head.stretto_recording}, and this version reads {FORMAT}.")
    return head


def _read_row(path: Path, number: int, line: bytes, progress: Progress) -> Row:
    """The row that a line holds; it is folded as well, so that whoever shows it meets nothing that does not fit."""
    try:
        row = Row(**msgspec.structs.asdict(_LINE.decode(line)))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _invalid(path, number, f"This is no row of a journal: {error}.") from None
    if row.seq != number - 1:
        raise _invalid(path, number, f"Row {number - 1} is missing; this is row {row.seq}.")
    if row.at.tzinfo is None or (row.seq == 1) != (row.kind == "RunAccepted"):
        raise _invalid(path, number, "A journal begins with the fact RunAccepted, and its times have a time zone.")
    try:
        if row.kind == TEXT:
            cuts_to_tokens(row.text or "", row.cuts or b"")
        elif row.kind in FACTS:  # what a newer version has written is passed over when it is shown
            progress.apply(row_fact(row))
    except Exception as error:  # facts of a foreign file can contradict each other in any way
        raise _invalid(path, number, f"{row.kind} does not fit what is before it ({type(error).__name__}).") from None
    return row


def _invalid(path: Path, line: int, message: str) -> RecordingInvalid:
    remedy = "`stretto show RUN --export FILE.jsonl` writes recordings."
    return RecordingInvalid([Problem(str(path), line, 1 if line else 0, message, remedy)])

"""Facts and text as rows of the journal, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from stretto.flow.facts import Fact, StepFact, fact_fields, fact_from
from stretto.stream.log import TEXT, Row
from stretto.stream.text import StepText, TextChunk

_encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def fact_row(seq: int, fact: Fact, at: datetime) -> Row:
    """The row that holds this fact; its step and attempt stand in columns of their own."""
    fields = fact_fields(fact)
    step = fields.pop("step", None) if isinstance(fact, StepFact) else None
    attempt = fields.pop("attempt", None)
    return Row(seq, type(fact).__name__, at, step, attempt, None, fields or None)


def text_row(seq: int, chunk: TextChunk, at: datetime) -> Row:
    """The row that holds this piece of a step's stream."""
    return Row(seq, TEXT, at, chunk.step, chunk.attempt, chunk.position, None, chunk.text, chunk.cuts)


def row_fact(row: Row) -> Fact:
    """The fact that a row holds."""
    fields: dict[str, object] = dict(row.body or {})
    if row.step is not None:
        fields["step"] = row.step
    if row.attempt is not None:
        fields["attempt"] = row.attempt
    return fact_from(row.kind, fields)


class _Packed(msgspec.Struct, omit_defaults=True):
    """A row as `insert_rows` reads it, under short names."""

    r: UUID
    s: int
    a: datetime
    k: str
    p: str | None = None
    n: int | None = None
    o: int | None = None
    b: Mapping[str, object] | None = None
    x: str | None = None
    c: bytes | None = None


def rows_json(rows: Iterable[tuple[UUID, Row]]) -> str:
    """Rows, each with its run, as one JSON array that PostgreSQL can hold (it has no NUL character).

    One parameter costs half of what an array for each column costs (1.2 against 2.9 µs a row, here).
    """
    packed = [
        _Packed(run_id, row.seq, row.at, row.kind, row.step, row.attempt, row.position, row.body, row.text, row.cuts)
        for run_id, row in rows
    ]
    return json_text(packed)


def json_text(value: object) -> str:
    """A value as JSON that PostgreSQL can hold: it has no NUL character, which becomes U+FFFD."""
    encoded = _encode(value)
    if b"\\u0000" in encoded:
        encoded = _NUL.sub(rb"\1\\ufffd", encoded)
    return encoded.decode()


def facts_of(rows: Iterable[Row]) -> list[Fact]:
    """The facts among these rows, in order."""
    return [row_fact(row) for row in rows if row.kind != TEXT]


def texts_of(rows: Sequence[Row]) -> dict[str, StepText]:
    """The text of every step, as it stands after these rows."""
    texts: dict[str, StepText] = {}
    for row in rows:
        if row.step is None:
            continue
        if row.kind == TEXT:
            assert row.text is not None
            text = texts.get(row.step)
            if text is None:
                text = texts[row.step] = StepText(row.step, attempt=row.attempt or 1)
            text.start_attempt(row.attempt or 1, 0)
            text.append([row.text], 0)
            text.take_pending()
        elif row.kind == "TextRetracted" and (text := texts.get(row.step)) is not None:
            assert row.body is not None
            text.retract(min(int(str(row.body["position"])), text.length))
    return texts


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)

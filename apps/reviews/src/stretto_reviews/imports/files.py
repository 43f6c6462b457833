"""Files of reviews, read line by line: CSV and JSON lines, packed with gzip or not.

Nothing is held but the line in hand, so a file may be as large as it likes. A line that cannot be read is told as `Rejected`,
and the rest goes on.
"""

from __future__ import annotations

import csv
import zlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, cast

import orjson

from stretto.errors import Invalid
from stretto_reviews.imports.rows import Rejected, body_of, plain_name

Format = Literal["csv", "jsonl"]
Lines = Iterator[tuple[int, Mapping[str, Any] | Rejected]]

MAX_LINE_BYTES = 1024 * 1024
MAX_FILE_BYTES = 4 * 1024**3
"""Of what a file holds when it is unpacked: a small one can hold a great deal."""
MOST_COLUMNS = 200
MOST_REREAD = 1_000
"""So many records of several lines are read again from their second line, where they turned out to be none."""
CHUNK_BYTES = 64 * 1024
_DELIMITERS = ",;\t"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def format_of(name: str) -> Format:
    """What a file of this name holds. Raises `Invalid`."""
    plain = name.casefold().removesuffix(".gz")
    if plain.endswith((".csv", ".tsv", ".txt")):
        return "csv"
    if plain.endswith((".jsonl", ".ndjson", ".json")):
        return "jsonl"
    raise Invalid(
        f"{name[:100]!r} is neither CSV nor JSON lines by its name. Let it end in .csv or .jsonl, or in .gz after that."
    )


def read_lines(source: str | Path | IO[bytes], format: Format) -> Lines:
    """The lines of a file with their numbers, from 1: what each holds by its columns' names, or why it cannot be read.

    CSV has a first line of names, separated by `,`, `;` or tabs. Raises `Invalid` where the file as a whole cannot be used.
    """
    with _opened(source) as stream, closing(_raw_lines(_unpacked(stream))) as raw:
        yield from _csv_lines(raw) if format == "csv" else _json_lines(raw)


def write_rejects(rows: Iterable[Rejected], stream: TextIO) -> int:
    """Write what was rejected as CSV (line, field, reason, body); gives how many. No cell is a formula for a spreadsheet."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(("line", "field", "reason", "body"))
    count = 0
    for row in rows:
        writer.writerow((row.line, harmless(row.field), harmless(row.reason), harmless(row.body)))
        count += 1
    return count


def harmless(cell: str) -> str:
    """A cell that spreadsheets show and do not work out (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


# From bytes to lines

_RawLine = tuple[int, str | Rejected]
"""A line's number and its text with its end, or why it is none."""


@contextmanager
def _opened(source: str | Path | IO[bytes]) -> Generator[IO[bytes]]:
    if not isinstance(source, str | Path):
        yield source
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(source).open("rb"))
        except OSError as error:
            raise Invalid(f"{Path(source).name} cannot be read: {error.strerror}.") from None
        yield stream


class _Broken(Exception):
    """The packed data end too early, or are damaged."""


def _unpacked(stream: BinaryIO | IO[bytes]) -> Iterator[bytes]:
    """The file's bytes in pieces; unpacked, where its first two tell that it is packed with gzip."""
    chunk = stream.read(CHUNK_BYTES)
    if chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Invalid("The file is in UTF-16. Save it as UTF-8.")
    if chunk[:2] != b"\x1f\x8b":
        while chunk:
            yield chunk
            chunk = stream.read(CHUNK_BYTES)
        return
    inflate = zlib.decompressobj(wbits=31)
    while chunk:
        try:
            piece = inflate.decompress(chunk, CHUNK_BYTES)
        except zlib.error:
            raise _Broken from None
        yield piece
        chunk = inflate.unconsumed_tail
        if inflate.eof and (chunk := inflate.unused_data.lstrip(b"\0") or stream.read(CHUNK_BYTES)):
            inflate = zlib.decompressobj(wbits=31)  # files packed one by one and put together
        elif not chunk:
            chunk = stream.read(CHUNK_BYTES)
    if not inflate.eof:
        raise _Broken


def _raw_lines(pieces: Iterator[bytes]) -> Generator[_RawLine]:
    number, rest, skipping, read = 1, bytearray(), False, 0
    try:
        for piece in pieces:
            read += len(piece)
            if read > MAX_FILE_BYTES:
                yield (
                    number,
                    Rejected(
                        number,
                        "line",
                        f"The file is longer than {MAX_FILE_BYTES // 1024**3} GiB; it was read to here.",
                        "",
                    ),
                )
                return
            rest += piece
            start = 0
            while (end := rest.find(b"\n", start) + 1) > 0:
                if not skipping:
                    yield number, _text(number, bytes(rest[start:end]))
                skipping, start, number = False, end, number + 1
            del rest[:start]
            if len(rest) > MAX_LINE_BYTES:
                if not skipping:
                    yield number, _too_long(number, rest)
                skipping = True
                rest.clear()
    except _Broken:
        yield (
            number,
            Rejected(number, "line", "The packed file is damaged or cut off here; what comes after is lost.", ""),
        )
        return
    if rest and not skipping:
        yield number, _text(number, bytes(rest))


def _text(number: int, line: bytes) -> str | Rejected:
    if len(line) > MAX_LINE_BYTES:
        return _too_long(number, line)
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8: byte 0x{line[error.start]:02X} at place {error.start + 1}. Save the file as UTF-8."
        return Rejected(number, "line", reason, body_of(line.decode("utf-8", "replace").rstrip("\r\n")))


def _too_long(number: int, line: bytes | bytearray) -> Rejected:
    start = bytes(line[:8_000]).decode("utf-8", "replace")
    return Rejected(number, "line", f"is longer than {MAX_LINE_BYTES // 1024**2} MiB.", body_of(start))


# JSON lines


def _json_lines(raw: Iterator[_RawLine]) -> Lines:
    for number, line in raw:
        if isinstance(line, Rejected):
            yield number, line
            continue
        text = line.strip()
        if not text:
            continue
        if number == 1 and text[0] == "[":
            raise Invalid(
                "The file is one JSON list. Write each review as an object on a line of its own (JSON lines)."
            )
        yield number, _json_object(number, text)


def _json_object(number: int, text: str) -> Mapping[str, Any] | Rejected:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Rejected(number, "line", f"is not JSON: {error.msg}, at place {error.pos + 1}.", body_of(text))
    if not isinstance(found, dict):
        return Rejected(number, "line", 'is no JSON object. It looks like {"text": "…", "rating": 5}.', body_of(text))
    return cast("dict[str, Any]", found)


# CSV


class _Pages:
    """Lines that can be given back, to be read once more."""

    def __init__(self, raw: Iterator[_RawLine]) -> None:
        self._raw = raw
        self._back: deque[_RawLine] = deque()
        self.record: list[_RawLine] = []
        self.bytes = 0

    def next(self) -> _RawLine | None:
        """The next line, or None at the end."""
        return self._back.popleft() if self._back else next(self._raw, None)

    def give_back(self, lines: Iterable[_RawLine]) -> None:
        """Let these be the next ones."""
        self._back.extendleft(reversed(list(lines)))

    def lines_of_record(self, first: _RawLine) -> Iterator[str]:
        """The texts of one record's lines, as the CSV reader asks for them; they stay in `record`."""
        self.record, self.bytes = [], 0
        upcoming: _RawLine | None = first
        while upcoming is not None:
            number, line = upcoming
            if isinstance(line, Rejected) or (self.bytes and self.bytes + len(line) > MAX_LINE_BYTES):
                self.give_back([(number, line)])
                return
            self.record.append(upcoming)
            self.bytes += len(line)
            yield line
            upcoming = self.next()


def _csv_lines(raw: Iterator[_RawLine]) -> Lines:
    pages = _Pages(raw)
    head = pages.next()
    while head is not None and isinstance(head[1], str) and not head[1].strip():
        head = pages.next()
    if head is None:
        raise Invalid("The file is empty. The first line of a CSV file names its columns.")
    if isinstance(head[1], Rejected):
        raise Invalid(f"The first line of the file {head[1].reason}")
    delimiter = _delimiter(head[1])
    try:
        head_fields = next(csv.reader(pages.lines_of_record(head), delimiter=delimiter, strict=True))
    except csv.Error:
        raise Invalid(
            "The first line cannot be read as CSV: a quote in it is not closed, or the file's lines end in the old Macintosh's "
            "way. Save the file anew as CSV in UTF-8."
        ) from None
    columns = [name.strip() for name in head_fields]
    _check_columns(columns)
    rereads = 0
    while (first := pages.next()) is not None:
        number, line = first
        if isinstance(line, Rejected):
            yield number, line
            continue
        if not line.strip():
            continue
        found = _record(pages, first, columns, delimiter)
        if isinstance(found, Rejected) and len(pages.record) > 1 and rereads < MOST_REREAD:
            # A quote that nobody closes would swallow good lines: only the line with it is lost.
            rereads += 1
            pages.give_back(pages.record[1:])
            found = Rejected(number, found.field, found.reason, body_of(line.rstrip("\r\n")))
        yield number, found


def _record(pages: _Pages, first: _RawLine, columns: list[str], delimiter: str) -> Mapping[str, Any] | Rejected:
    number = first[0]
    try:
        fields = next(csv.reader(pages.lines_of_record(first), delimiter=delimiter, strict=True))
    except csv.Error as error:
        reason = (
            "has a quote that is not closed." if "unexpected end" in str(error) else f"cannot be read as CSV: {error}."
        )
        return Rejected(number, "line", reason, _came(pages))
    if len(fields) != len(columns):
        what = "too few" if len(fields) < len(columns) else "too many"
        reason = f"has {what} fields: {len(fields)}, where the first line names {len(columns)}."
        return Rejected(number, "line", reason, _came(pages))
    return dict(zip(columns, fields, strict=True))


def _came(pages: _Pages) -> str:
    return body_of("".join(str(line) for _, line in pages.record).rstrip("\r\n"))


def _delimiter(head: str) -> str:
    """What separates the names in the first line: the one that is there most often, outside of quotes."""
    bare = "".join(head.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def _check_columns(columns: list[str]) -> None:
    if len(columns) > MOST_COLUMNS:
        raise Invalid(f"The first line names {len(columns):,} columns; {MOST_COLUMNS} are the most.")
    plain = [plain_name(name) for name in columns]
    for name in plain:
        if name and plain.count(name) > 1:
            raise Invalid(f"The first line names the column {name[:80]!r} more than once. Rename one.")

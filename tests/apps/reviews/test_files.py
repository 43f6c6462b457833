"""Files are read line by line; what cannot be read is told, and the rest goes on."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import Invalid
from stretto_reviews.imports import Rejected, format_of, read_lines, write_rejects
from stretto_reviews.imports.files import MAX_LINE_BYTES


def lines(data: bytes | str, format: Any = "csv") -> list[tuple[int, Any]]:
    raw = data.encode() if isinstance(data, str) else data
    return list(read_lines(io.BytesIO(raw), format))


def bad(found: list[tuple[int, Any]]) -> dict[int, str]:
    return {number: each.reason for number, each in found if isinstance(each, Rejected)}


def good(found: list[tuple[int, Any]]) -> dict[int, Any]:
    return {number: each for number, each in found if not isinstance(each, Rejected)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_quotes_and_line_ends_in_fields(delimiter: str) -> None:
    text = '\ufeffid,"a ""b"", c",text\r\n1,x,"two\r\nlines, and ""quotes"""\r\n\r\n2,y,z'.replace(",", delimiter)
    found = lines(text)
    name = 'a "b", c'.replace(",", delimiter)
    inside = 'two\r\nlines, and "quotes"'.replace(",", delimiter)
    assert found == [(2, {"id": "1", name: "x", "text": inside}), (5, {"id": "2", name: "y", "text": "z"})]


def test_lines_that_cannot_be_read_are_told_and_the_rest_goes_on() -> None:
    data = b'id,text\n1,a\n2\n3,b,c\n4,caf\xe9\n5,"x"y\n6,d\n7,"open\n8,e\n9,f\n'
    found = lines(data)
    assert good(found) == {
        number: {"id": str(number - 1), "text": text} for number, text in {2: "a", 7: "d", 9: "e", 10: "f"}.items()
    }
    told = bad(found)
    assert list(told) == [3, 4, 5, 6, 8]
    assert "too few fields: 1" in told[3]
    assert "too many fields: 3" in told[4]
    assert told[5].startswith("is not UTF-8: byte 0xE9 at place 6")
    assert "cannot be read as CSV" in told[6]
    assert "not closed" in told[8]


def test_a_stray_quote_costs_its_own_line_only() -> None:
    found = lines('id,text\n1,"open\n2,good\n3,"closed"\n4,fine\n')
    assert list(bad(found)) == [2]
    assert list(good(found)) == [3, 4, 5]


def test_an_endless_record_is_bounded() -> None:
    found = lines('id,text\n1,"open\n' + "2,good\n" * 160_000)
    assert list(bad(found)) == [2]
    assert len(good(found)) == 160_000


def test_records_made_to_be_read_again_and_again_end() -> None:
    found = lines("id,text\n" + '",x"y,"\n' * 20_000)
    assert len(bad(found)) >= 1_000


def test_a_line_that_is_too_long_is_passed_over() -> None:
    found = lines("id,text\n1,a\n2," + "x" * (3 * MAX_LINE_BYTES) + "\n3,b\n")
    assert list(good(found)) == [2, 4]
    assert "longer than 1 MiB" in bad(found)[3]


def test_json_lines() -> None:
    data = (
        '\ufeff{"text": "a"}\n\n[1]\nnonsense\n{"text": "b", "rating": 5}\n{"text": NaN}\n"x"\n'
        + '{"a":' * 5_000
        + "\n"
    )
    found = lines(data, "jsonl")
    assert good(found) == {1: {"text": "a"}, 5: {"text": "b", "rating": 5}}
    assert list(bad(found)) == [3, 4, 6, 7, 8]
    assert "no JSON object" in bad(found)[3]
    assert "is not JSON" in bad(found)[4]


@pytest.mark.parametrize(
    ("data", "format", "told"),
    [
        (b"", "csv", "empty"),
        (b"\n \n", "csv", "empty"),
        (b"id,Text,text\n", "csv", "'text' more than once"),
        (",".join(f"c{n}" for n in range(300)).encode(), "csv", "300 columns"),
        ("id,text\n".encode("utf-16"), "csv", "UTF-16"),
        (b"caf\xe9,text\n", "csv", "not UTF-8"),
        (b"id,text\r1,a\r2,b\r", "csv", "Macintosh"),
        (b'id,"text\n1,a\n', "csv", "a quote in it is not closed"),
        (b'[{"text": "a"}]', "jsonl", "one JSON list"),
    ],
)
def test_what_is_no_such_file_is_refused(data: bytes, format: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        lines(data, format)


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    place = tmp_path / "reviews.csv.gz"
    place.write_bytes(gzip.compress(b"id,text\n1,a\n") + gzip.compress(b"2,b\n"))
    assert [body for _, body in read_lines(place, format_of(place.name))] == [
        {"id": "1", "text": "a"},
        {"id": "2", "text": "b"},
    ]


def test_a_packed_file_that_is_cut_off_gives_what_it_has() -> None:
    whole = gzip.compress(b"id,text\n" + b"".join(b"%d,a%d\n" % (n, n * 7919) for n in range(20_000)))
    found = lines(whole[: len(whole) // 2])
    assert len(good(found)) > 1_000
    assert "damaged or cut off" in found[-1][1].reason


def test_a_bomb_takes_no_memory() -> None:
    packed = gzip.compress(b'{"text": "' + b"x" * 100_000_000 + b'"}\n{"text": "after"}\n')
    tracemalloc.start()
    try:
        found = lines(packed, "jsonl")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert good(found) == {2: {"text": "after"}}
    assert peak < 8_000_000


def test_rejects_are_harmless_to_spreadsheets() -> None:
    stream = io.StringIO()
    rows = [
        Rejected(1, "text", "is missing.", "=1+1"),
        Rejected(2, "@x", "a, b", 'one\n"two"'),
        Rejected(3, "t", "r", "-1"),
    ]
    assert write_rejects(rows, stream) == 3
    assert list(csv.reader(io.StringIO(stream.getvalue(), newline=""))) == [
        ["line", "field", "reason", "body"],
        ["1", "text", "is missing.", "'=1+1"],
        ["2", "'@x", "a, b", 'one\n"two"'],
        ["3", "t", "r", "'-1"],
    ]


def test_the_format_is_told_by_the_name() -> None:
    assert [format_of(name) for name in ("a.CSV", "b.jsonl.gz", "c.tsv", "d.ndjson")] == [
        "csv",
        "jsonl",
        "csv",
        "jsonl",
    ]
    with pytest.raises(Invalid, match="by its name"):
        format_of("a.xlsx")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=10))
def test_what_the_csv_module_writes_is_read(rows: list[tuple[str, str]]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow(("a", "b"))
    writer.writerows(rows)
    assert [body for _, body in lines(stream.getvalue())] == [{"a": a, "b": b} for a, b in rows]


@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl"]))
def test_no_file_is_too_odd(data: bytes, format: Any) -> None:
    try:
        found = lines(data, format)
    except Invalid:
        return
    numbers = [number for number, _ in found]
    assert numbers == sorted(numbers)

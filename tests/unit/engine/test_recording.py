"""A recording holds a run as it was; a file that is none, or is damaged, is refused with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from stretto.engine.recording import read_recording, recording_lines
from stretto.errors import RecordingInvalid
from tests.unit.cli.tape import writers
from tests.unit.stream.test_timeline import Journal

RUN = UUID(int=7)


def lines() -> list[bytes]:
    """A short run."""
    journal = Journal()
    journal.fact("RunAccepted", flow="test", version=1, input={"ß": "\u2028"}, priority=2)
    journal.fact("RunClaimed", worker="w")
    journal.start("w0")
    for word in ("one ", "two\n", "three\x85 "):
        journal.ms += 100
        journal.write("w0", word)
    journal.flush("w0")
    journal.fact("StepCompleted", "w0", 1, of="text")
    journal.fact("RunCompleted", output="x")
    return list(recording_lines(RUN, writers(1), journal.rows))


def written(folder: Path, content: bytes) -> Path:
    file = folder / "run.jsonl"
    file.write_bytes(content)
    return file


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    told = lines()
    recording = read_recording(written(tmp_path, b"".join(told)))
    assert recording.run_id == RUN
    assert recording.graph.digest == writers(1).digest
    assert list(recording_lines(RUN, recording.graph, recording.rows)) == told
    assert "".join(row.text or "" for row in recording.rows) == "one two\nthree\x85 "


def changed(line: bytes, **fields: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(line) | fields) + b"\n"


Spoil = Callable[[list[bytes]], list[bytes]]
SPOILED: list[tuple[int, Spoil]] = [
    (1, lambda told: [b""]),
    (1, lambda told: [b"flow: a\n"]),
    (1, lambda told: told[1:]),
    (1, lambda told: [changed(told[0], stretto_recording=2), *told[1:]]),
    (1, lambda told: [changed(told[0], flow={"flow": "x"}), *told[1:]]),
    (2, lambda told: told[:1]),
    (2, lambda told: [told[0], *told[2:]]),
    (3, lambda told: [*told[:2], told[2][:-9], *told[3:]]),
    (3, lambda told: [*told[:2], changed(told[2], seq="2"), *told[3:]]),
    (3, lambda told: [*told[:2], changed(told[2], at="2026-01-01T00:00:00"), *told[3:]]),
    (3, lambda told: [*told[:2], changed(told[2], more=1), *told[3:]]),
    (4, lambda told: [*told[:3], *told[4:]]),
    (4, lambda told: [*told[:3], changed(told[3], body={"attempt": {}}, attempt=None), *told[4:]]),
    (5, lambda told: [*told[:4], changed(told[4], cuts="AAA="), *told[5:]]),
    (5, lambda told: [*told[:4], changed(told[1], seq=4), *told[5:]]),
]


@pytest.mark.parametrize(("number", "spoil"), SPOILED)
def test_what_is_no_recording_is_refused_with_its_line(tmp_path: Path, number: int, spoil: Spoil) -> None:
    file = written(tmp_path, b"".join(spoil(lines())))
    with pytest.raises(RecordingInvalid) as refused:
        read_recording(file)
    assert refused.value.problems[0].line == number
    assert "--export" in str(refused.value)


def test_a_fact_of_a_newer_version_is_passed_over(tmp_path: Path) -> None:
    told = lines()
    newer = changed(told[2], seq=7, kind="StepDreamt", body={"of": "sheep"})
    assert len(read_recording(written(tmp_path, b"".join([*told, newer]))).rows) == 7

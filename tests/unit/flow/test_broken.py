"""Broken flows, each with exactly what a person gets to read.

`broken/NN_name.yaml` is a flow with the mistakes that people make, `NN_name.txt` beside it the whole message. After a message
was changed on purpose, `STRETTO_REWRITE=1 pytest tests/unit/flow/test_broken.py` writes the files anew: read each before committing it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from stretto.errors import FlowInvalid
from stretto.flow import load_flow

FOLDER = Path(__file__).parent / "broken"
_NAMED = re.compile(
    r"(?:.* has no key|there is no (?:agent|step|type|step or name|flow|filter)|the number) `(\w[^`]*)`"
)
BROKEN = sorted(FOLDER.glob("[0-9][0-9]_*.yaml"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_the_message_is_what_a_person_gets(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(FlowInvalid) as caught:
        load_flow(path.name)
    expected = path.with_suffix(".txt")
    if os.environ.get("STRETTO_REWRITE"):
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == expected.read_text(encoding="utf-8")


def test_there_are_enough_and_all_are_numbered() -> None:
    assert len(BROKEN) >= 45
    assert [int(path.name[:2]) for path in BROKEN] == list(range(1, len(BROKEN) + 1))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_problem_names_its_place_and_ends_in_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(FlowInvalid) as caught:
        load_flow(path.name)
    for problem in caught.value.problems:
        lines = Path(problem.file).read_text(encoding="utf-8").split("\n")
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.message.endswith((".", "?"))
        assert not problem.remedy or problem.remedy.endswith((".", "?"))
        named = _NAMED.match(problem.message)
        if named:
            assert lines[problem.line - 1][problem.column - 1 :].lstrip("\"'").startswith(named[1]), problem
    places = [
        (problem.file != path.name, problem.file, problem.line, problem.column) for problem in caught.value.problems
    ]
    assert places == sorted(places)

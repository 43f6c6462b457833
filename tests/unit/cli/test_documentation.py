"""The page on the command line says what the commands say, and the picture of a run is one that loads nothing."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.unit.cli.tape import writers
from tests.unit.stream.test_timeline import Journal
from tools.command_help import PAGE, make_page
from tools.record_run import animate, paint


def test_the_page_is_made_from_the_help() -> None:
    assert PAGE.read_text() == make_page(), "run `python tools/command_help.py`"


def test_the_page_has_every_command_and_names_only_such() -> None:
    page = make_page()
    sections = set(re.findall(r"^### stretto ([a-z ]+)$", page, re.MULTILINE))
    assert {"run", "up", "schedule add", "schedule list", "schedule delete"} <= sections
    named = set(re.findall(r"`stretto ([a-z]+)", page))
    assert named <= {section.split()[0] for section in sections}


def recorded() -> str:
    """The picture of a short run."""
    journal = Journal()
    journal.fact("RunAccepted", flow="test", version=1, input={}, priority=2)
    journal.fact("RunClaimed", worker="w")
    journal.start("w0")
    for n in range(30):
        journal.ms += 100
        journal.write("w0", f"<word{n}> & ")
        journal.flush("w0")
        if n == 15:
            journal.retract("w0", 40)
    journal.fact("StepCompleted", "w0", 1, of="text")
    journal.fact("RunCompleted", output="x")
    return animate(paint(writers(1), "id", journal.rows, "stretto run x.yaml"))


@pytest.mark.parametrize("made", ["now", "for the README"])
def test_the_picture_moves_and_loads_nothing(made: str) -> None:
    svg = recorded() if made == "now" else PAGE.with_name("run.svg").read_text()
    assert len(svg) < 200_000
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert set(re.findall(r"https?://[^\"' ]*", svg)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\((?!#)|<script|<image|href", svg)
    assert svg.count("@keyframes") > 5
    assert "line-through" in svg, "a retraction is struck out"
    assert "simulated\u00a0provider" in "".join(root.itertext()).replace("&#160;", "\u00a0")

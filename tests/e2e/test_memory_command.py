"""`stretto memory`: a file goes in, what it holds is found and answered from, and what cannot be taken is named."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.command import Stretto

LINES = [
    {"key": "a", "text": "The battery lasts two days.", "metadata": {"stars": 5}},
    {"key": "b", "text": "The pasta was cold. The waiter was slow.", "metadata": {"stars": 2}},
]
ODD = ["not json", '{"key": "c"}', '{"key": "", "text": "x"}', '["a"]', '{"key": "d", "text": "x", "metadata": [1]}']


def test_a_file_goes_in_and_is_asked(stretto: Stretto, tmp_path: Path) -> None:
    assert "No collections" in stretto.inside("memory", "list").err
    file, rejects = tmp_path / "reviews.jsonl", tmp_path / "rejects.jsonl"
    file.write_text("\n".join([*map(json.dumps, LINES), "", *ODD]))
    done = stretto.inside("memory", "import", "reviews", str(file), "--rejects", str(rejects))
    assert (done.code, done.out) == (0, "2 items written, 0 were there just so, 5 lines refused\n")
    assert "line 4:" in done.err
    refused = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(each["line"], each["text"]) for each in refused] == list(enumerate(ODD, start=4))
    again = stretto.inside("memory", "import", "reviews", str(file))
    assert "0 items written, 2 were there just so" in again.out
    assert "reviews" in stretto.inside("memory", "list").out
    found = stretto.inside("memory", "search", "reviews", "battery and waiter", "--filter", '{"stars": {"lt": 3}}')
    assert [line.split()[0] for line in found.out.splitlines()] == ["key", "b"]
    assert stretto.inside("memory", "answer", "reviews", "How was the waiter?").out.startswith(
        "The waiter was slow. [1]\n[1] b\n"
    )
    assert stretto.inside("memory", "model", "reviews").code == 0
    assert stretto.inside("memory", "drop", "reviews").code == 0
    assert stretto.inside("memory", "drop", "reviews").code == 2


def test_what_cannot_be_read_is_said_and_nothing_is_written(stretto: Stretto, tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text("\n".join(ODD))
    assert stretto.inside("memory", "import", "odd", str(file)).code == 2
    assert stretto.inside("memory", "search", "odd", "x").code == 2
    for wrong in (["--filter", "[1]"], ["--filter", "{"], ["--near", "here"], ["--near", "91,0"]):
        done = stretto.inside("memory", "search", "odd", "x", *wrong)
        assert done.code == 2
        assert done.err.startswith("error: ")
    assert stretto.inside("memory", "import", "odd", str(tmp_path / "none")).code != 0

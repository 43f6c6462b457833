"""`stretto tools`: list, show and call, with the servers of stretto.yaml."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from stretto.cli import main
from stretto.cli.exits import Exit
from tests.mcp.conftest import ODD, SECRET


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    server = {
        "command": [sys.executable, "-S", str(ODD), str(notes)],
        "secrets": {"TOKEN": "env:ODD_SERVERS_TOKEN"},
        "allow": ["leak", "keys", "steps"],
    }
    path = tmp_path / "stretto.yaml"
    path.write_text(json.dumps({"routes": {"fast": ["simulated/steady"]}, "mcp": {"odd": server}}))
    monkeypatch.setenv("STRETTO_CONFIG", str(path))
    monkeypatch.setenv("STRETTO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ODD_SERVERS_TOKEN", SECRET)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "list"]) == Exit.DONE
    shown = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert shown == [
        ["tool", "effects"], ["noop", "reads"], ["odd.keys", "writes"], ["odd.leak", "reads"], ["odd.steps", "reads"],
        ["python.test", "reads"], ["text.count", "reads"],
    ]  # fmt: skip


def test_list_some_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "list", "odd.k*", "--json"]) == Exit.DONE
    (tool,) = json.loads(capsys.readouterr().out)
    assert tool["name"] == "odd.keys"
    assert tool["arguments"]["required"] == ["text"]


def test_built_in_tools_start_no_server(capsys: pytest.CaptureFixture[str], notes: Path) -> None:
    assert main(["tools", "show", "text.count"]) == Exit.DONE
    assert capsys.readouterr().out.startswith("text.count (reads)\n\nCount the characters")
    assert notes.read_text() == ""


def test_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "call", "odd.keys", "--input", "text=3", "--key", "k-1"]) == Exit.DONE
    seen = json.loads(capsys.readouterr().out)
    assert seen == {"arguments": {"text": "3", "idempotency_key": "k-1"}, "key": "k-1"}
    assert main(["tools", "call", "odd.steps"]) == Exit.DONE
    out, err = capsys.readouterr()
    assert out == "done\n"
    assert err.splitlines()[-1] == "odd.steps: 3 of 3 – step 3"


def test_no_secret_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "call", "odd.leak"]) == Exit.DONE
    out, err = capsys.readouterr()
    assert "[secret TOKEN]" in out
    assert SECRET not in out + err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["odd.key"], Exit.BAD_INPUT, "Did you mean odd.keys?"),
        (["odd.die"], Exit.BAD_INPUT, "`allow`"),
        (["odd.keys"], Exit.BAD_INPUT, '"text" is a required property'),
        (["nowhere.x"], Exit.BAD_INPUT, "There is no tool 'nowhere.x'"),
    ],
)
def test_mistakes(words: list[str], code: Exit, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "call", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err

"""The command itself: help, usage errors, exit codes, completion, and how quickly it is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stretto.cli.app import main
from stretto.cli.exits import MEANINGS, Exit, report
from stretto.cli.options import complete_flow_file
from stretto.errors import (
    DatabaseUnreachable,
    DiskFull,
    FlowInvalid,
    InputInvalid,
    LeaseLost,
    ModelRefused,
    Problem,
    RunNotFound,
)

COMMANDS = (
    *(
        "up",
        "run",
        "lint",
        "runs",
        "show",
        "replay",
        "fork",
        "pause",
        "resume",
        "cancel",
        "retry",
        "inject",
        "priority",
    ),
    *("review", "emit", "schedule", "provider-key", "worker"),
)


def test_help_tells_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in out
    for code, meaning in MEANINGS.items():
        assert f"{code.value}  " in out
        assert meaning in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_command_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == Exit.BAD_INPUT
    assert capsys.readouterr().out.startswith("Usage: stretto")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("stretto 0.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "error: No such command 'rnu'. Did you mean 'run'? `stretto --help` shows how it is used.\n"),
        (["run"], "error: Missing argument 'FLOW.yaml'. `stretto run --help` shows how it is used.\n"),
        (["run", "x.yaml", "--prio", "1"], "error: No such option: --prio"),
        (
            ["runs", "--limit", "0"],
            "error: Invalid value for '--limit' / '-n': Input should be greater than or equal to 1. ",
        ),
        (["runs", "--status", "lost"], "error: Invalid value for '--status': 'lost' is not one of 'accepted'"),
        (["fork", "abc"], "error: Missing option '--from'"),
    ],
)
def test_a_usage_error_is_one_message_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == Exit.BAD_INPUT
    out, err = capsys.readouterr()
    assert err.startswith(message)
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputInvalid("no"), 2, "error: no\n"),
        (RunNotFound("no run"), 2, "error: no run\n"),
        (
            FlowInvalid([Problem("f.yaml", 3, 5, "what is this?", "Remove it.")]),
            2,
            "error: the flow has 1 problem; nothing was run\nf.yaml:3:5: what is this? Remove it.\n",
        ),
        (DatabaseUnreachable("away"), 4, "error: away\n"),
        (DiskFull("full"), 4, "error: full\n"),
        (LeaseLost("lost"), 4, "error: lost\n"),
        (OSError(28, "No space left on device"), 4, "error: the machine refused something: [Errno 28]"),
        (ModelRefused("refused"), 1, "error: refused\n"),
        (ExceptionGroup("both", [ValueError("x"), ExceptionGroup("in", [DiskFull("full")])]), 4, "error: full\n"),
        (
            ValueError("x\x1b[2J"),
            1,
            "error: something unexpected happened, which is a fault of Stretto: ValueError: x\ufffd",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted"),
    ],
)
def test_every_error_is_one_message_and_a_documented_code(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    monkeypatch.delenv("STRETTO_DEBUG", raising=False)
    assert report(error) == code
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert "Traceback" not in err
    assert "\x1b" not in err


def test_the_traceback_is_there_for_the_asking(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRETTO_DEBUG", "1")
    report(ValueError("x"))
    assert "ValueError: x" in capsys.readouterr().err.split("error:")[0]


def test_help_loads_nothing_heavy() -> None:
    """What `stretto --help` costs is what it imports."""
    code = """
import sys
from stretto.cli.app import main
main(["--help"])
heavy = ("stretto.platform", "stretto.engine", "procrastinate", "psycopg", "fastapi", "rich", "jinja2", "uvloop", "pydantic")
print([name for name in heavy if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_flow_files_and_folders_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flows").mkdir()
    for name in ("a.yaml", "ab.json", "ac.yml", "a.txt", ".hidden.yaml", "flows/b.yaml"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    assert complete_flow_file("") == ["a.yaml", "ab.json", "ac.yml", "flows/"]
    assert complete_flow_file("a") == ["a.yaml", "ab.json", "ac.yml"]
    assert complete_flow_file("flows/") == ["flows/b.yaml"]
    assert complete_flow_file("./fl") == ["./flows/"]
    assert complete_flow_file(f"{tmp_path}/ab") == [f"{tmp_path}/ab.json"]
    assert complete_flow_file(".h") == [".hidden.yaml"]
    assert complete_flow_file("no/such/") == []


def test_the_shell_gets_the_completions(tmp_path: Path) -> None:
    (tmp_path / "story.yaml").write_text("")
    environment = {"_STRETTO_COMPLETE": "complete_bash", "COMP_WORDS": "stretto run st", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from stretto.cli import main; sys.exit(main())"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["story.yaml"], done.stderr

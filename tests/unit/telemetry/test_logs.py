"""What the program logs goes to stderr, in one form, without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from stretto.telemetry.logs import configure_logs, hide_secrets


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is of the whole process: put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("psycopg", "procrastinate", "uvicorn.access")}
    access = logging.getLogger("uvicorn.access")  # which a server that logs no requests shuts off for the whole process
    propagate, access.propagate = access.propagate, True
    yield
    access.propagate = propagate
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def test_logs_are_json_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    structlog.get_logger("x").info("worker ready", worker="here/1")
    logging.getLogger("stretto.store").warning("keeper of %s lost", "this")
    out, err = capsys.readouterr()
    assert out == ""
    first, second = map(json.loads, err.splitlines())
    assert (first["event"], first["worker"], first["level"]) == ("worker ready", "here/1", "info")
    assert (second["event"], second["level"]) == ("keeper of this lost", "warning")
    assert first["timestamp"].endswith("Z")


def test_only_warnings_are_heard_of_libraries_and_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    for name in ("procrastinate", "psycopg", "psycopg.pool", "uvicorn.access"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble of %s", name)
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == [
        f"trouble of {name}" for name in ("procrastinate", "psycopg", "psycopg.pool", "uvicorn.access")
    ]
    configure_logs("warning")
    structlog.get_logger("x").info("chatter")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"api_key": "sk-1"}, {"api_key": "***"}),
        ({"OPENAI_API_KEY": "sk-1"}, {"OPENAI_API_KEY": "***"}),
        ({"password": "x", "Authorization": "Bearer y"}, {"password": "***", "Authorization": "***"}),
        ({"error": "postgresql://u:p4ss@h/db away"}, {"error": "postgresql://u:***@h/db away"}),
        ({"error": "host=h password=p4ss user=u"}, {"error": "host=h password=*** user=u"}),
        ({"output_tokens": 3, "key": "K", "event": "x"}, {"output_tokens": 3, "key": "K", "event": "x"}),
    ],
)
def test_secrets_are_hidden(given: dict[str, object], shown: dict[str, object]) -> None:
    assert hide_secrets(None, "info", given) == shown

import json
import logging
import pickle
from typing import Any

import orjson
import pytest

from stretto.gateway.keys import Key, key_source

SECRET = "sk-live-0123456789abcdef"


def test_a_key_shows_itself_only_when_asked(caplog: pytest.LogCaptureFixture):
    key = Key(f" {SECRET}\n")
    assert key.reveal() == SECRET
    logging.getLogger("x").warning("%s %r", key, {"key": key})
    shown = [repr(key), str(key), f"{key}", f"{key:>30}", f"{[key]}", caplog.text]
    assert all("•••" in each and "0123" not in each for each in shown)


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, orjson.dumps])
def test_a_key_is_never_written_down(write: Any):
    with pytest.raises(TypeError):
        write(Key(SECRET))


def test_keys_compare_by_value():
    assert Key("a") == Key("a ")
    assert Key("a") != Key("b")
    assert len({Key("a"), Key("a"), Key("b")}) == 2
    assert not Key("  ")


def test_where_keys_come_from(monkeypatch: pytest.MonkeyPatch):
    from_environment = key_source("env:ACME_API_KEY")
    monkeypatch.delenv("ACME_API_KEY", raising=False)
    assert from_environment() is None
    monkeypatch.setenv("ACME_API_KEY", "")
    assert from_environment() is None
    monkeypatch.setenv("ACME_API_KEY", "one")
    assert from_environment() == Key("one")
    assert key_source("")() is None
    assert key_source("sealed:acme")() is None
    assert key_source("sealed:acme", {"acme": Key("two")}.get)() == Key("two")

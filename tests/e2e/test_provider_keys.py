"""`stretto provider-key`: a key goes in by stdin or a hidden prompt, and never comes out."""

from __future__ import annotations

import base64
import os

from tests.e2e.command import Stretto

SECRET = "sk-live-0123456789"


def test_a_key_is_set_listed_and_removed(stretto: Stretto) -> None:
    stretto.environment["STRETTO_SECRET_KEY"] = base64.b64encode(os.urandom(32)).decode()
    assert "No sealed keys yet" in stretto.inside("provider-key", "list").err
    done = stretto("provider-key", "set", "acme", stdin=f"{SECRET}\n")
    assert (done.code, done.out) == (0, "sealed acme\n")
    listed = stretto.inside("provider-key", "list").out
    assert listed.splitlines()[1].startswith("acme")
    assert "another master key" not in listed
    stretto.environment["STRETTO_SECRET_KEY"] = base64.b64encode(os.urandom(32)).decode()
    other = stretto.inside("provider-key", "list")
    assert "another master key" in other.out
    assert SECRET not in done.out + done.err + listed + other.out + other.err
    assert stretto.inside("provider-key", "remove", "acme").out == "removed acme\n"
    gone = stretto.inside("provider-key", "remove", "acme")
    assert gone.code == 2
    assert "no sealed key 'acme'" in gone.err


def test_what_is_no_key_is_refused(stretto: Stretto) -> None:
    stretto.environment["STRETTO_SECRET_KEY"] = base64.b64encode(os.urandom(32)).decode()
    for name, given in (("acme", ""), ("a b", SECRET), ("acme", "two\nlines")):
        done = stretto("provider-key", "set", name, stdin=given)
        assert done.code == 2
        assert "lines" not in done.err
    assert stretto("provider-key", "set", "acme", SECRET).code == 2  # it is never an argument
    done = stretto("provider-key", "set", "acme", stdin=SECRET, secret_key="nonsense")
    assert done.code == 2
    assert "STRETTO_SECRET_KEY" in done.err


def test_on_a_terminal_it_is_asked_for_and_not_shown(stretto: Stretto) -> None:
    stretto.environment["STRETTO_SECRET_KEY"] = base64.b64encode(os.urandom(32)).decode()
    with stretto.terminal("provider-key", "set", "acme") as terminal:
        terminal.wait_for("Key acme: ")  # the blank comes once nothing typed is shown any more
        terminal.type(f"{SECRET}\n")
        terminal.wait_for("sealed acme")
        assert SECRET not in terminal.told

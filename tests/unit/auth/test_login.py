"""Attempts to log in, where they lead afterwards, and what tells a session's own page from another site's."""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stretto.auth import Principal
from stretto.auth.login import ATTEMPT_S, Attempt, local_path
from stretto.auth.login.attempt import new_attempt, read_attempt
from stretto.auth.sessions import Session, check_csrf
from stretto.auth.sessions.session import csrf_token
from stretto.errors import LoginRefused, NotAllowed
from stretto.store import DEFAULT_TENANT

HERE = "https://stretto.example.org/auth/callback"
NASTY = st.text(st.sampled_from("/\\.:@?#%25abevil\t\n\r \x00é"), max_size=30)


def as_browsers_read(path: str) -> str:
    """WHATWG's URL standard: tabs and line ends are dropped, and a backslash is a slash."""
    return urljoin(HERE, "".join(char for char in path if char not in "\t\n\r").replace("\\", "/").strip())


@given(NASTY.map(lambda text: "/" + text) | NASTY | st.text(max_size=50))
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("https://evil.example")
@example("javascript:alert(1)")
@example("/a/..//evil.example")
@example("/@evil.example")
def test_no_path_leads_to_another_site(path: str):
    found = local_path(path)
    parts = urlsplit(as_browsers_read(found))
    assert (parts.scheme, parts.netloc) == ("https", "stretto.example.org")
    assert found.startswith("/")
    assert not parts.path.startswith("//")
    assert found in ("/", path)


@pytest.mark.parametrize("path", ["/", "/runs/1?a=//b&c=%2F#d", "/v1/me", "/x" * 500, "/~a/b-c_d.e;f=g"])
def test_paths_of_this_server_are_kept(path: str):
    assert local_path(path) == path


@pytest.mark.parametrize("path", ["", "runs", "/x" * 501, "/auth/login", "/auth/callback?x", "/a b", "/ä"])
def test_other_paths_lead_to_the_beginning(path: str):
    assert local_path(path) == "/"


@given(st.text(max_size=60), st.text(max_size=80))
def test_an_attempt_survives_its_cookie(path: str, tenant: str):
    attempt = new_attempt(path, tenant)
    assert attempt.cookie.isascii()
    assert not set(attempt.cookie) & set(' ",;\\\r\n')
    assert read_attempt(attempt.cookie, attempt.state) == attempt
    assert len({attempt.state, attempt.nonce, attempt.verifier, attempt.challenge, attempt.secret}) == 5
    assert attempt.secret not in repr(attempt)


def test_the_challenge_is_the_digest_of_the_verifier():
    attempt = new_attempt("/", "")
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    assert base64.urlsafe_b64decode(attempt.challenge + "=") == digest
    assert len(attempt.verifier) == 43


@given(st.data())
def test_whatever_is_changed_of_a_cookie_is_noticed(data: st.DataObject):
    attempt = new_attempt("/runs?a=b", "one")
    cookie = attempt.cookie
    place = data.draw(st.integers(0, len(cookie) - 1))
    char = data.draw(st.characters().filter(lambda char: char != cookie[place]))
    changed = cookie[:place] + char + cookie[place + 1 :]
    try:
        found = read_attempt(changed, attempt.state)
    except LoginRefused:
        return
    assert found == attempt, "only the unused bits of the last base64 character may differ"


@pytest.mark.parametrize("until_s", [-1, 0, ATTEMPT_S + 5, 10**11])
def test_an_attempt_lasts_ten_minutes(until_s: int):
    attempt = Attempt("a" * 64, int(time.time()) + until_s, "/", "")
    with pytest.raises(LoginRefused, match="10 minutes"):
        read_attempt(attempt.cookie, attempt.state)


@given(st.text(max_size=200), st.text(max_size=50))
def test_nonsense_is_no_attempt(cookie: str, state: str):
    with pytest.raises(LoginRefused):
        read_attempt(cookie, state)


def session(cookie: str = "c" * 64) -> Session:
    principal = Principal(DEFAULT_TENANT, "user ada", "owner", "session")
    return Session(uuid4(), principal, "local", "", "", datetime.now(UTC), csrf_token(cookie))


def test_a_change_needs_the_sessions_own_token():
    mine, other = session(), session("d" * 64)
    token = mine.csrf_token
    check_csrf(mine, "POST", {"x-stretto-csrf": token})
    check_csrf(mine, "DELETE", {"x-stretto-csrf": token, "sec-fetch-site": "same-origin"})
    for given_token in ("", token[:-1], token + "x", other.csrf_token, "c" * 64, "é"):
        with pytest.raises(NotAllowed, match="token"):
            check_csrf(mine, "POST", {"x-stretto-csrf": given_token})
    for site in ("cross-site", "same-site", "CROSS-SITE", ""):
        with pytest.raises(NotAllowed, match="another site"):
            check_csrf(mine, "POST", {"x-stretto-csrf": token, "sec-fetch-site": site})
    assert token not in repr(mine)


def test_a_web_socket_says_where_it_comes_from():
    check_csrf(session(), "WEBSOCKET", {"origin": "https://stretto.example.org"})
    with pytest.raises(NotAllowed, match="Origin"):
        check_csrf(session(), "WEBSOCKET", {})
    with pytest.raises(NotAllowed, match="another site"):
        check_csrf(session(), "WEBSOCKET", {"origin": "https://a", "sec-fetch-site": "cross-site"})

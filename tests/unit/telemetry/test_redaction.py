"""What leaves the process holds no secret, however deep it lies, and ordinary text stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.telemetry.redaction import HIDDEN, is_card, redact, redact_field, redact_text

FORMS = {
    "our key": f"st_{'ab' * 6}_{'cd' * 32}",
    "openai": "sk-proj-Abc123Abc123Abc123",
    "github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "webhook": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "bearer": "Authorization: Bearer abcdefgh12345678",
    "url": "postgresql://ada:hunter2secret@db.example/x",
    "conninfo": "host=db password='hunter2 secret' user=ada",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    "e-mail": "ada.lovelace+x@analytics.example.org",
    "card": "4111 1111 1111 1111",
    "phone": "+49 30 901820 123",
}
PARTS = {
    "our key": "cd" * 32,
    "conninfo": "hunter2",
    "url": "hunter2secret",
    "bearer": "abcdefgh12345678",
    "pem": "MIIEowIBAAKCAQEA",
}
nested = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
around = st.text(st.characters(codec="ascii", categories=["Zs", "Po"]), max_size=5)


@pytest.mark.parametrize("form", FORMS)
@given(before=around, after=around, others=nested)
def test_a_secret_never_gets_through(form: str, before: str, after: str, others: object):
    secret, part = FORMS[form], PARTS.get(form, FORMS[form])
    text = f"{before} {secret} {after}"
    value: Any = {"a": [others, (text, {"b": text})], text: 1, "bytes": text.encode()}
    assert part not in json.dumps(redact(value), default=str, ensure_ascii=False)


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "API_KEY", "Authorization", "set-cookie", "refresh_token"]
)
@given(value=st.text(min_size=1, max_size=20) | st.lists(st.text(), min_size=1))
def test_what_is_named_secret_is_hidden_whole(name: str, value: object):
    assert redact_field(name, value) == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "The run 019aa5ff-6f31-7a30-a9f3-2f9d1c6b7d11 failed at build[2].code after 12.5 s.",
        "2026-11-21T08:26:58.855207Z",
        "order 1234567890123 of 2026-11-21, 4111111111111112",
        "tokens: 1024 in, 2048 out; cost 0.000123 USD",
        "a@b",
        "1+1 is 2, +5 % more",
        "basic ideas, bearer of news",
        "https://example.org:8700/v1/runs?limit=50",
        "secretary of state; passwordless login",
    ],
)
def test_ordinary_text_stays(text: str):
    assert redact_text(text) == text


@given(st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_numbers_stay(value: object):
    assert redact({"tokens": value, "count": [value]}) == {"tokens": value, "count": [value]}


def test_bottomless_nesting_ends():
    deep: Any = "ordinary"
    for _ in range(10_000):
        deep = [deep]
    assert HIDDEN in str(redact(deep))


def test_cards_are_known_by_their_check_digit():
    assert is_card("4111111111111111")
    assert is_card("5500-0000-0000-0004")
    assert not is_card("4111111111111112")
    assert not is_card("1234567812345670")
    assert not is_card("4111")

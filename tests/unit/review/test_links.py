"""A signed link says what was signed and nothing else, and ends."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import Invalid, LinkRefused
from stretto.review import Link, Links
from stretto.store.ids import new_id


async def key() -> bytes:
    return b"k" * 32


async def other_key() -> bytes:
    return b"o" * 32


def link(seconds: float = 60) -> Link:
    return Link(UUID(int=7), new_id(), 3, int(time.time() + seconds), "link of ann for Ben ✓")


async def test_it_reads_back() -> None:
    made = link()
    assert await Links(key).read(await Links(key).sign(made)) == made


async def test_it_says_by_whose_right_it_was_made() -> None:
    made = replace(link(), grantor=new_id())
    assert await Links(key).read(await Links(key).sign(made)) == made


async def test_another_installations_link_does_not_count() -> None:
    with pytest.raises(LinkRefused):
        await Links(other_key).read(await Links(key).sign(link()))


@given(st.integers(0, 10_000), st.integers(1, 255))
async def test_no_byte_can_be_changed(at: int, by: int) -> None:
    text = await Links(key).sign(link())
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[at % len(raw)] ^= by
    with pytest.raises(LinkRefused):
        await Links(key).read(base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


@given(st.text(max_size=300))
async def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(LinkRefused):
        await Links(key).read(text)


async def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    text = await Links(key).sign(link(60))
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(LinkRefused):
        await Links(key).read(text)


@pytest.mark.parametrize("seconds", [-10, 8 * 86_400])
async def test_it_ends_within_a_week(seconds: float) -> None:
    with pytest.raises(Invalid):
        await Links(key).sign(link(seconds))

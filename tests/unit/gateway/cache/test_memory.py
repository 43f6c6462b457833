"""The answers given lately, within bounds of size and time."""

from __future__ import annotations

from uuid import UUID

from stretto.gateway.answers import Answer
from stretto.gateway.cache.memory import OVERHEAD_BYTES, Lately

TENANT = UUID(int=1)


def answer(text: str) -> Answer:
    return Answer(text=text, model="m", provider="p", deployment="d")


def key(n: int, tenant: UUID = TENANT) -> tuple[UUID, str, bytes]:
    return tenant, "fast", bytes([n])


def test_the_least_lately_used_goes_first():
    lately = Lately(most_bytes=3 * (OVERHEAD_BYTES + 4))
    for n in range(3):
        lately.put(key(n), answer("x"), 60)
    assert lately.get(key(0)) is not None
    lately.put(key(3), answer("x"), 60)
    assert [lately.get(key(n)) is not None for n in range(4)] == [True, False, True, True]
    assert lately.size <= lately.most_bytes
    lately.put(key(4), answer("x" * 10_000), 60)
    assert lately.get(key(4)) is None, "larger than all that may be held"


def test_its_time_ends():
    now = 0.0
    lately = Lately(clock=lambda: now)
    lately.put(key(1), answer("x"), 5)
    now = 4.9
    assert lately.get(key(1)) is not None
    now = 5.0
    assert lately.get(key(1)) is None
    assert lately.size == 0


def test_tenants_do_not_meet():
    lately = Lately()
    lately.put(key(1), answer("x"), 5)
    assert lately.get(key(1, UUID(int=2))) is None

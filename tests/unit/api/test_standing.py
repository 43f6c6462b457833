"""When somebody loses what he holds open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from stretto.api import standing
from stretto.api.standing import Standing
from stretto.auth import LOCAL, Principal
from stretto.errors import DatabaseUnreachable, KeyRefused, LoginNeeded, NotAllowed, StrettoError

ADA = Principal(UUID(int=1), "user ada@example.org", "owner", "session")


@pytest.fixture(autouse=True)
def _asked_often(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(standing, "CHECK_S", 0.001)


def standing_in(answers: Sequence[Principal | StrettoError], principal: Principal = ADA) -> Standing:
    """Somebody of whom these are the answers, one after the other."""
    left = iter(answers)

    async def ask() -> Principal:
        answer = next(left)
        if isinstance(answer, StrettoError):
            raise answer
        return answer

    return Standing(principal, "runs:read", ask)


async def test_who_is_known_no_longer_loses_it():
    assert isinstance(await standing_in([ADA, ADA, KeyRefused()]).lost(), KeyRefused)


async def test_a_database_that_is_away_says_nothing_of_him():
    assert isinstance(
        await standing_in([DatabaseUnreachable(), ADA, DatabaseUnreachable(), NotAllowed()]).lost(), NotAllowed
    )


async def test_another_role_counts_and_one_that_does_not_suffice_ends_it():
    viewer, narrow = replace(ADA, role="viewer"), replace(ADA, scopes=frozenset(("flows:read",)))
    held = standing_in([viewer, narrow])
    lost = await held.lost()
    assert isinstance(lost, NotAllowed)
    assert held.principal == viewer


async def test_who_comes_back_as_somebody_else_is_not_who_opened_it():
    for other in (LOCAL, replace(ADA, tenant_id=UUID(int=2)), replace(ADA, by="user bo@example.org")):
        assert isinstance(await standing_in([other]).lost(), LoginNeeded)


async def test_the_owner_of_this_machine_stays_that():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await standing_in([], LOCAL).lost()

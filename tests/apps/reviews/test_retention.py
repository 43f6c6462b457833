"""Months of reviews whose time is over are dropped, and nothing else is."""

from __future__ import annotations

from datetime import date

import pytest

from stretto.errors import SettingsInvalid
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.retention import RETENTION, drop_months, retention_days
from tests.apps.reviews.engine import OTHER, engine, rows, taken


async def test_old_months_go_with_all_that_belongs_to_them(settings: Settings) -> None:
    old = {"id": "1", "text": "The kettle boils water in two minutes, every day.", "date": "2025-02-03"}
    new = {"id": "2", "text": "The lamp gives a warm light in the evening hours.", "date": "2025-04-30"}
    async with engine(settings) as platform:
        await taken(platform, [old, new])
        await taken(platform, [old, new], OTHER)
        assert await drop_months(platform, date(2025, 2, 28)) == [], "the month is not over before that day"
        assert await drop_months(platform, date(2025, 4, 15)) == ["reviews_2025_02"]
        for tenant in (DEFAULT_TENANT, OTHER):
            assert await rows(platform, "SELECT external_id FROM stretto_reviews.reviews", tenant) == [("2",)]
            assert await rows(platform, "SELECT external_id FROM stretto_reviews.review_keys", tenant) == [("2",)]
            memory = platform.memory(tenant)
            assert (await memory.collection("reviews")).items == 1
            assert [hit.metadata["day"] for hit in (await memory.search("reviews", "water lamp")).hits] == [20250430]
        again = await taken(platform, [old])
        assert again.taken == 1, "what was dropped may come again"


def test_days_are_a_number() -> None:
    assert retention_days({}) is None
    assert retention_days({RETENTION: " 30 "}) == 30
    for wrong in ("0", "-1", "soon", "1e9", "9" * 5000):
        with pytest.raises(SettingsInvalid, match=RETENTION):
            retention_days({RETENTION: wrong})

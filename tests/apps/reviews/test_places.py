"""H3 cells, and what is none; the map groups them by their numbers as the library does."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import h3
import httpx
import pytest

from stretto import Platform
from stretto.api import create_app
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.api.looking import MOST_CELLS
from stretto_reviews.places import FINEST, cell_of, finer_digits, resolutions_up, within
from tests.apps.reviews.engine import OTHER, engine

AT = datetime(2025, 3, 1, tzinfo=UTC)
PENTAGON_PLACE = (64.7, 10.54)


def parent_of(cell: str, resolution: int) -> str:
    return cast("str", cast("Any", h3).cell_to_parent(cell, resolution))


def some_cells(count: int, seed: int) -> list[str]:
    """Cells of all regions and within one city, some near a pentagon."""
    chance = random.Random(seed)
    found = [cell_of(chance.uniform(-90, 90), chance.uniform(-180, 180)) for _ in range(count)]
    found += [cell_of(52.5 + chance.gauss(0, 0.1), 13.4 + chance.gauss(0, 0.1)) for _ in range(count)]
    latitude, longitude = PENTAGON_PLACE
    return found + [cell_of(latitude + chance.gauss(0, 1), longitude + chance.gauss(0, 1)) for _ in range(count)]


@pytest.mark.parametrize(
    "word", ["", "-1", "zz", "7fffffffffffffff", "ffffffffffffffff", "801ffffffffffff", "8f28308280f18f2", "\uff10"]
)
def test_nothing_is_within_what_is_no_cell_or_too_large_or_fine(word: str) -> None:
    first, last = within(word)
    assert not any(first <= cell <= last for cell in some_cells(50, 1))


def test_a_cells_number_leads_to_its_parents() -> None:
    for cell in some_cells(300, 2):
        for resolution in range(FINEST + 1):
            parent = (int(cell, 16) | finer_digits(resolution)) - resolutions_up(resolution)
            assert f"{parent:x}" == parent_of(cell, resolution)


def test_the_cells_within_a_cell_lie_between_two_texts() -> None:
    cells = some_cells(60, 3)
    for around in cells[::6]:
        for resolution in range(3, FINEST + 1):
            parent = parent_of(around, resolution)
            first, last = within(parent)
            for cell in cells:
                assert (first <= cell <= last) == (parent_of(cell, resolution) == parent)
    first, last = within(parent_of(cells[0], 7))
    children = cast("list[str]", cast("Any", h3).cell_to_children(parent_of(cells[0], 7), FINEST))
    assert all(first <= cell <= last for cell in children)


async def put(platform: Platform, cells: list[str], status: str = "analysed", tenant: Any = DEFAULT_TENANT) -> None:
    async with platform.database.tenant(tenant) as connection:
        await connection.execute(
            "INSERT INTO stretto_reviews.reviews (id, tenant_id, created_at, source, external_id, text, status, sentiment, h3_cell)"
            " SELECT gen_random_uuid(), %s, %s + n * interval '1 s', 'map', %s || n::text, 'A text.', %s, n %% 5, cell"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS each (cell, n)",
            [tenant, AT, str(uuid4()), status, cells],
        )


def expected(cells: list[str], resolution: int) -> dict[str, tuple[int, float]]:
    found: dict[str, list[int]] = {}
    for n, cell in enumerate(cells, start=1):
        found.setdefault(parent_of(cell, resolution), []).append(n % 5)
    return {cell: (len(each), round(sum(each) / len(each), 3)) for cell, each in found.items()}


async def test_the_map_has_the_cells_with_most_reviews_of_all_there_are(settings: Settings) -> None:
    spread = some_cells(3_000, 4)
    busy = [cell_of(48.2, 16.37)] * 40 + [cell_of(40.4, -3.7)] * 20
    cells = [*spread, *busy]
    async with engine(settings, worker=False) as platform:
        app = create_app(platform)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700") as client:

            async def shown(path: str) -> Any:
                answer = await client.get(f"/v1/apps/reviews/{path}")
                assert answer.status_code == 200, answer.text
                return answer.json()

            assert await shown("map?resolution=5") == {"resolution": 5, "cells": [], "left_off": 0}
            await put(platform, cells)
            await put(platform, [cell_of(0.0, 0.0)] * 3, status="spam")
            await put(platform, [cell_of(0.0, 0.0)] * 3, tenant=OTHER)
            for resolution in (2, 4, 6, 9):
                found = await shown(f"map?resolution={resolution}")
                wanted = expected(cells, resolution)
                got = {each["cell"]: (each["reviews"], each["sentiment"]) for each in found["cells"]}
                assert len(got) == min(MOST_CELLS, len(wanted))
                assert found["left_off"] == len(wanted) - len(got)
                assert all(got[cell] == pytest.approx(wanted[cell], abs=0.002) for cell in got)
                counts = [each["reviews"] for each in found["cells"]]
                assert counts == sorted(counts, reverse=True)
                assert sorted(counts) == sorted(n for n, _ in wanted.values())[-len(counts) :]
            assert found["left_off"] > 0, "the last resolution was to have more cells than the map takes"
            assert [each["reviews"] for each in found["cells"]][:2] == [40, 20]

            vienna = await shown(f"reviews?cell={parent_of(busy[0], 3)}&limit=100")
            assert {parent_of(each["h3_cell"], 3) for each in vienna["reviews"]} == {parent_of(busy[0], 3)}
            assert len(vienna["reviews"]) == expected(cells, 3)[parent_of(busy[0], 3)][0]
            assert (await shown("reviews?cell=nonsense"))["reviews"] == []

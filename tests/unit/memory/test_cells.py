"""Rings of H3 cells as ranges of numbers: each holds exactly the cells that lie in it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from stretto.memory import Place
from stretto.memory.cells import RESOLUTION, cell_of, rings_around


def test_a_range_holds_the_cells_of_its_ring_and_no_others() -> None:
    h3: Any = pytest.importorskip("h3.api.basic_int")
    chance = random.Random(5)
    for _ in range(20):
        middle = Place(chance.uniform(-89, 89), chance.uniform(-180, 180))
        rings = rings_around(middle)
        for _ in range(50):
            spread = 10 ** chance.uniform(-4, 1.5)
            other = Place(
                max(-90.0, min(90.0, middle.latitude + chance.gauss(0, spread))),
                (middle.longitude + chance.gauss(0, spread) + 180) % 360 - 180,
            )
            cell = cell_of(other)
            level = 0
            for resolution in range(RESOLUTION, -1, -1):
                for k in (1, 2):
                    level += 1
                    disk = set(h3.grid_disk(h3.cell_to_parent(cell_of(middle), resolution), k))
                    inside = any(low <= cell <= high for n, low, high in rings if n == level)
                    assert inside == (h3.cell_to_parent(cell, resolution) in disk)
            assert any(low <= cell <= high for n, low, high in rings if n == level + 1)

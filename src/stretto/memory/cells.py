"""Places as H3 cells (https://h3geo.org): rings of cells around a place, from fine to coarse, as ranges of numbers.

The digits of a cell's number lead from the coarsest cell down to it, so all cells of resolution 9 within a coarser one are one
range, and an index on the numbers answers for every resolution.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from stretto.errors import NotPossible
from stretto.memory.item import Place

RESOLUTION = 9
"""Cells of about 0.1 km² (an edge of 0.2 km)."""
INSTALL = "Places need the library h3. Install it: `pip install 'stretto[geo]'`."


def _h3() -> Any:
    try:
        return import_module("h3.api.basic_int")
    except ImportError:
        raise NotPossible(INSTALL) from None


def cell_of(place: Place) -> int:
    """The cell of resolution 9 in which a place lies."""
    return int(_h3().latlng_to_cell(place.latitude, place.longitude, RESOLUTION))


def rings_around(place: Place) -> list[tuple[int, int, int]]:
    """Rings around a place, each wider than the one before: (level from 1, first cell, last cell), several ranges a ring.

    Level 1 is the cell of the place with its six neighbours; then the neighbours' neighbours; then the same one resolution
    coarser, seven times as wide, and so on up to the whole earth.
    """
    h3, rings, level = _h3(), list[tuple[int, int, int]](), 0
    cell = cell_of(place)
    for resolution in range(RESOLUTION, -1, -1):
        middle = h3.cell_to_parent(cell, resolution)
        for k in (1, 2):
            level += 1
            rings += [(level, *_range(int(each), resolution)) for each in h3.grid_disk(middle, k)]
    level += 1
    rings += [(level, *_range(int(each), 0)) for each in h3.get_res0_cells()]
    return rings


def _range(cell: int, resolution: int) -> tuple[int, int]:
    """The first and the last cell of resolution 9 in a cell: its digits, then all 0, or all 6."""
    low = cell & ~(0xF << 52) | RESOLUTION << 52
    high = low
    for digit in range(resolution + 1, RESOLUTION + 1):
        shift = (15 - digit) * 3
        low &= ~(7 << shift)
        high = high & ~(7 << shift) | 6 << shift
    return low, high

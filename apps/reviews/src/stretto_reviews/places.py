"""H3 cells: the world in hexagons (https://h3geo.org), as far as the review engine needs them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import h3

FINEST = 9
"""The resolution that reviews are kept with: a tenth of a square kilometre."""
CELL = re.compile(r"[0-9a-f]{15}")
COARSEST_ASKED = 3


def cell_of(latitude: float, longitude: float) -> str:
    """The cell of a place, in degrees."""
    return cast("str", h3.latlng_to_cell(latitude, longitude, FINEST))


def middle_of(cell: str) -> tuple[float, float]:
    """Latitude and longitude of a cell's middle."""
    return cast("tuple[float, float]", h3.cell_to_latlng(cell))


def corners_of(cell: str) -> list[tuple[float, float]]:
    """Latitudes and longitudes of a cell's corners, in their order."""
    return list(cast("Sequence[tuple[float, float]]", h3.cell_to_boundary(cell)))


def within(cell: str) -> tuple[str, str]:
    """Between which texts the finest cells lie that are within a cell, and no others.

    Nothing lies between those of what is no cell, or of one that is too large to ask for.
    """
    resolution = cast("int", h3.get_resolution(cell)) if CELL.fullmatch(cell) and h3.is_valid_cell(cell) else -1
    if not COARSEST_ASKED <= resolution <= FINEST:
        return "g", ""
    last = (int(cell, 16) | finer_digits(resolution)) + resolutions_up(resolution)
    first = last & ~finer_digits(resolution) | finer_digits(FINEST)
    return f"{first:x}", f"{last:x}"


def finer_digits(resolution: int) -> int:
    """The bits of a cell's number that say where in its parent of a resolution it lies. All are set in the parent's own number.

    A cell's number is its resolution and the digits that lead down to it, three bits for each of 15 resolutions; those
    that a cell does not have are 7 (https://h3geo.org/docs/core-library/h3Indexing).
    """
    return (1 << 3 * (15 - resolution)) - 1


def resolutions_up(resolution: int) -> int:
    """What to take from a number of the finest resolution, so that it says that it is one of this resolution."""
    return (FINEST - resolution) << 52

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


def parent_of(cell: str, resolution: int) -> str:
    """The cell of a coarser resolution around a cell."""
    return cast("str", h3.cell_to_parent(cell, resolution))


def middle_of(cell: str) -> tuple[float, float]:
    """Latitude and longitude of a cell's middle."""
    return cast("tuple[float, float]", h3.cell_to_latlng(cell))


def corners_of(cell: str) -> list[tuple[float, float]]:
    """Latitudes and longitudes of a cell's corners, in their order."""
    return list(cast("Sequence[tuple[float, float]]", h3.cell_to_boundary(cell)))


def cells_inside(cell: str) -> list[str]:
    """The finest cells within a cell; none for what is no cell, or one that is too large to ask for."""
    if (
        not CELL.fullmatch(cell)
        or not h3.is_valid_cell(cell)
        or not COARSEST_ASKED <= h3.get_resolution(cell) <= FINEST
    ):
        return []
    return list(cast("Sequence[str]", h3.cell_to_children(cell, FINEST)))

"""H3 cells, and what is none."""

from __future__ import annotations

import pytest

from stretto_reviews.places import cell_of, cells_inside, parent_of


@pytest.mark.parametrize(
    "word", ["", "-1", "zz", "7fffffffffffffff", "ffffffffffffffff", "801ffffffffffff", "8f28308280f18f2", "\uff10"]
)
def test_what_is_no_cell_or_too_large_or_fine_has_nothing_inside(word: str) -> None:
    assert cells_inside(word) == []


def test_a_cell_has_the_finest_ones_inside() -> None:
    cell = cell_of(52.52, 13.4)
    assert cells_inside(cell) == [cell]
    inside = cells_inside(parent_of(cell, 7))
    assert len(inside) == 49
    assert cell in inside

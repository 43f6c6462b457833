"""Which paths ask nobody who he is."""

from __future__ import annotations

import pytest

from stretto.api.authentication import PUBLIC
from stretto.api.dashboard import PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_link_to_a_part_of_the_dashboard_brings_the_page(page: str) -> None:
    """The page holds no data, and its script asks who one is; a browser that opens a link cannot send a key."""
    assert PUBLIC.fullmatch(f"/{page}")
    assert PUBLIC.fullmatch(f"/{page}/some/part")


@pytest.mark.parametrize(
    "path", ["/v1/runs", "/v1/me", "/auth/session", "/auth/logout", "/runsome", "/v1/../runs", "/nothing"]
)
def test_all_else_asks(path: str) -> None:
    """The API, and whatever nobody has thought of."""
    assert not PUBLIC.fullmatch(path)

"""The HTTP door: runs, their streams, flows and reviews, and one small page to watch them; and what applications' routes are made of."""

from stretto.api.app import create_app
from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.event_stream import OpenStreams
from stretto.api.paging import CursorOf, IdCursor, Limit, Next, NumberCursor, cursor_at, page_of
from stretto.api.problems import fails
from stretto.api.server import serving
from stretto.api.standing import Standing, standing_of

__all__ = [
    "Body",
    "CursorOf",
    "IdCursor",
    "JsonRoute",
    "Limit",
    "Next",
    "NumberCursor",
    "OpenStreams",
    "PlatformDoor",
    "PrincipalDoor",
    "Standing",
    "create_app",
    "cursor_at",
    "fails",
    "needs",
    "page_of",
    "serving",
    "standing_of",
]

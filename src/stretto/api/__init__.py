"""The HTTP door: runs, their streams, flows and reviews, and one small page to watch them."""

from stretto.api.app import create_app
from stretto.api.server import serving

__all__ = ["create_app", "serving"]

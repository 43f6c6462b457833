"""The review engine's routes, below `/v1/apps/reviews`."""

from stretto_reviews.api import asking, live, looking, taking

ROUTERS = (taking.router, taking.files, looking.router, asking.router, live.router)

__all__ = ["ROUTERS"]

"""Reviews: what waits for a person, what people decide, and what time does when nobody has."""

from stretto.review.deadlines import tend_deadlines
from stretto.review.links import Link, Links
from stretto.review.records import Bulk, ClosedPlace, Decision, Edit, Filter, PastDecision, Place, Review, Whole
from stretto.review.reviews import PastReviews, Reviews

__all__ = [
    "Bulk",
    "ClosedPlace",
    "Decision",
    "Edit",
    "Filter",
    "Link",
    "Links",
    "PastDecision",
    "PastReviews",
    "Place",
    "Review",
    "Reviews",
    "Whole",
    "tend_deadlines",
]

"""What the graphs of the review engine hand from node to node: plain JSON, small, as every step of a graph is kept."""

from __future__ import annotations

from typing import Any, TypedDict


class IngestionState(TypedDict, total=False):
    """`import_id` is what is taken up; `after` and `upto` are the lines in hand, `ids` their reviews that are to be analysed."""

    import_id: str
    after: int
    upto: int
    ids: list[str]
    by_model: list[str]
    """Those that a model reads."""
    sentiments: dict[str, float]
    themes: dict[str, list[str]]
    themes_read: dict[str, list[str]]
    """Those of a model, which count before the lexicon's."""
    cells: dict[str, str]
    analysed_by: dict[str, str]
    taken: int
    indexed: int
    last: int
    """How many were indexed in the last step."""


class ActionState(TypedDict, total=False):
    """`review_ids` are the reviews whose customers may be thanked."""

    review_ids: list[str]
    clean: list[dict[str, Any]]
    doubtful: list[dict[str, Any]]
    denied: list[dict[str, Any]]
    awarded: list[str]
    decided_by: str


class QueryState(TypedDict, total=False):
    """`question` is what is asked; `near` is `{latitude, longitude}`, `filter` a condition on the reviews' metadata."""

    question: str
    near: dict[str, float] | None
    filter: dict[str, Any] | None
    understood: str
    figures: dict[str, Any] | None
    hits: list[dict[str, Any]]
    notes: list[str]
    answer: dict[str, Any]


class RequestState(TypedDict, total=False):
    """What the router takes: a `request` of one of three kinds, and what that needs."""

    request: str
    import_id: str
    review_ids: list[str]
    question: str
    near: dict[str, float] | None
    filter: dict[str, Any] | None
    taken: int
    awarded: list[str]
    answer: dict[str, Any]
    figures: dict[str, Any] | None
    understood: str
    notes: list[str]

"""All examples in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import (
    dialects,
    events,
    flows,
    memory,
    models,
    people,
    reviews,
    runs,
    state,
    streams,
    webhooks,
)
from stretto.api.examples.several import Several

GROUPS: tuple[Mapping[str, Any], ...] = (
    flows.EXAMPLES,
    runs.EXAMPLES,
    reviews.EXAMPLES,
    models.EXAMPLES,
    people.EXAMPLES,
    events.EXAMPLES,
    webhooks.EXAMPLES,
    dialects.EXAMPLES,
    streams.EXAMPLES,
    state.EXAMPLES,
    memory.EXAMPLES,
)

EXAMPLES: Mapping[str, Any] = {name: example for group in GROUPS for name, example in group.items()}
"""An example, or `Several`, by the name of its schema (`RunDetail`), or for one place by the operation and the status of the
answer or `body` (`start_run 201`), which counts before the schema's. What is no JSON is named with its media type."""


def example_at(examples: Mapping[str, Any], operation: str, place: str, schema: str) -> Any:
    """The example for a place, None when there is none."""
    return examples.get(f"{operation} {place}", examples.get(schema))


__all__ = ["EXAMPLES", "GROUPS", "Several", "example_at"]

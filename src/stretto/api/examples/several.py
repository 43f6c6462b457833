"""More than one example for one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Several:
    """Named examples, each with a line of what it shows: `Several(pause=("Pause the run.", {…}))`."""

    def __init__(self, **named: tuple[str, Any]) -> None:
        self.named: Mapping[str, tuple[str, Any]] = named

    def described(self) -> dict[str, Any]:
        """As `examples` of a media type in OpenAPI."""
        return {name: {"summary": summary, "value": value} for name, (summary, value) in self.named.items()}

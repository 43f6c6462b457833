"""Whether what a person approves fills in the form that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

import jsonschema_rs

from stretto.errors import Invalid

MOST_TOLD = 5
"""So many mistakes are told at once."""


def check_form(review_id: UUID, form: Mapping[str, Any], value: Any) -> None:
    """Raises `Invalid` naming each field that does not fit, is missing, or was not asked for."""
    wrong: list[str] = []
    for error in jsonschema_rs.validator_for(dict(form), retriever=_refuse).iter_errors(value):
        where = ".".join(map(str, error.instance_path))
        wrong.append(f"{where}: {str(error.message)[:300]}" if where else str(error.message)[:300])
    fields: Mapping[str, Any] = form.get("properties", {})
    if isinstance(value, dict):
        wrong += [f"{name}: nobody asked for it" for name in value if name not in fields]  # pyright: ignore[reportUnknownVariableType]
    if wrong:
        raise Invalid(
            f"This does not fill in the form of review {review_id}. {'; '.join(wrong[:MOST_TOLD])}. "
            f"Edit and approve with a JSON object of its fields: {', '.join(fields) or 'none'}."
        )


def _refuse(uri: str) -> NoReturn:
    """No form makes us ask for an address."""
    raise ValueError(f"a form may refer only to its own parts, not to {uri}")

"""Whether a value conforms to a JSON Schema, in words that a person or a model can act on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

MOST_MISFITS = 5


def find_misfits(schema: Mapping[str, Any], value: object) -> list[str]:
    """What is wrong with the value, each with its place (`tasks[0].id: …`), five at most; empty when it conforms.

    Raises `ValueError` when the schema itself is none.
    """
    misfits: list[str] = []
    for error in _validator(orjson.dumps(schema)).iter_errors(value):
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.instance_path).lstrip(".")
        misfits.append(f"{place}: {error.message}" if place else error.message)
        if len(misfits) == MOST_MISFITS:
            break
    return misfits


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(orjson.loads(schema))

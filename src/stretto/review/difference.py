"""What a person changed: a unified diff of text, a JSON Patch (RFC 6902) of anything else. Pure."""

from __future__ import annotations

import difflib
from typing import Any

from stretto.flow.json_patch import patch_between

MOST_LINES = 2_000
MOST_CHARS = 200_000
"""Longer texts are told to have been replaced: comparing lines takes time that grows with their square."""


def difference(shown: Any, value: Any) -> dict[str, Any]:
    """How the edited value differs from what was shown: `{"text": "…"}` or `{"patch": […]}`."""
    if not (isinstance(shown, str) and isinstance(value, str)):
        return {"patch": patch_between(shown, value)}
    before, after = shown.splitlines(), value.splitlines()
    if max(len(shown), len(value)) > MOST_CHARS or max(len(before), len(after)) > MOST_LINES:
        return {"patch": [{"op": "replace", "path": "", "value": value}]}
    return {"text": "\n".join(difflib.unified_diff(before, after, "shown", "edited", lineterm=""))}

"""Examples of the shared state: the newsroom keeps its plan there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several

_KEY = "plans/spring"
_PLAN: dict[str, Any] = {"goal": "Explain the sea", "topics": ["tides", "waves"], "done": 0}
_VERSION: dict[str, Any] = {
    "key": _KEY,
    "version": 2,
    "by": f"run {story.RUN_ID}",
    "at": story.DECIDED_AT,
    "run_id": story.RUN_ID,
    "step": "plan",
    "deleted": False,
    "merged_from": None,
}
_FIRST: dict[str, Any] = _VERSION | {
    "version": 1,
    "by": story.OWNER,
    "at": story.SAVED_AT,
    "run_id": None,
    "step": None,
}
_MADE = _FIRST | {"value": _PLAN, "kept": True}
_NOW = _VERSION | {"value": _PLAN | {"done": 1}, "kept": True}
_CHANGED = _FIRST | {"version": 3, "at": story.FINISHED_AT, "value": _PLAN | {"done": 2}, "kept": True}

EXAMPLES: Mapping[str, Any] = {
    "NewValue": {"value": _PLAN},
    "StatePatch": Several(
        merge=("Set fields, and leave the others as they are.", {"merge": {"done": 2}}),
        operations=("Count on.", {"operations": [{"op": "increment", "path": "/done", "by": 1}]}),
    ),
    "SeveralWrites": {
        "writes": [
            {"key": _KEY, "operations": [{"op": "increment", "path": "/done"}]},
            {"key": "plans/summer", "version": 0, "value": {"goal": "Explain the calm"}},
        ]
    },
    "DocumentsWritten": {
        "documents": [
            _CHANGED,
            _FIRST
            | {"key": "plans/summer", "at": story.FINISHED_AT, "value": {"goal": "Explain the calm"}, "kept": True},
        ]
    },
    "DocumentShown": _NOW,
    "put_document 201": _MADE,
    "patch_document 200": _CHANGED,
    "DocumentList": {"documents": [_NOW], "next": None},
    "DocumentHistory": {"versions": [_VERSION, _FIRST], "next": None},
}
"""By the name of the schema, or by operation and place."""

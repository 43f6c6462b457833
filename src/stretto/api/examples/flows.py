"""Examples of flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several

_SHOWN = {
    "name": story.FLOW,
    "version": 2,
    "updated_at": story.CHANGED_AT,
    "created_at": story.SAVED_AT,
    "archived_at": None,
    "last_run": {"id": story.RUN_ID, "status": "completed", "accepted_at": story.ACCEPTED_AT},
}

_LINES = """\
--- from
+++ to
@@ -12,6 +12,7 @@
   writer:
     model: strong
     prompt: Write two short paragraphs on {{ topic }}.
+budget: '0.50 usd'
 steps:
   draft:
     input:"""


def _node(id_: str, kind: str, agent: str | None = None, model: str | None = None) -> dict[str, Any]:
    named = {"id": id_, "kind": kind, "label": id_, "parent": None, "agent": agent, "model": model}
    return {**named, "tool": None, "flow": None}


_GRAPH = {
    "name": story.FLOW,
    "nodes": [
        _node("draft", "agent", "writer", "strong"),
        _node("notes", "agent", "editor", "fast"),
        _node("approval", "review"),
    ],
    "edges": [
        {"from": "draft", "to": "notes", "kind": "each"},
        {"from": "draft", "to": "approval", "kind": "data"},
        {"from": "notes", "to": "approval", "kind": "after"},
    ],
    "complete": True,
}

_TEXT = """\
flow: draft-and-review
description: A writer drafts, an editor reads each paragraph meanwhile, a person decides.
input:
  topic:
    type: string
    maxLength: 200
agents:
  writer:
    model: strong
    prompt: Write two short paragraphs on {{ topic }}.
  editor:
    model: fast
    prompt: Is this clear? {{ segment }}
    returns: Verdict
budget: '0.50 usd'
steps:
  draft:
    input:
      topic: '{{ input.topic }}'
    agent: writer
  notes:
    agent: editor
    each:
      of: draft
      by: paragraph
  approval:
    review:
      show: '{{ draft }}'
      question: Shall this be published?
    after:
    - notes
output: '{{ approval.value }}'
"""

EXAMPLES: Mapping[str, Any] = {
    "FlowList": {
        "flows": [
            _SHOWN,
            {
                "name": "headline",
                "version": 1,
                "updated_at": "2026-11-18T07:12:45.120394Z",
                "created_at": "2026-11-18T07:12:45.120394Z",
                "archived_at": None,
                "last_run": None,
            },
        ],
        "next": None,
    },
    "FlowShown": _SHOWN,
    "archive_flow 200": _SHOWN | {"archived_at": "2026-11-21T17:02:00.514208Z"},
    "save_flow body": story.DOCUMENT,
    "save_flow body application/yaml": _TEXT,
    "validate_flow body application/yaml": _TEXT,
    "get_flow 200 application/yaml": _TEXT,
    "StoredFlow": {"name": story.FLOW, "version": 2, "archived_at": None, "document": story.DOCUMENT},
    "validate_flow body": Several(
        fits=("A flow.", story.DOCUMENT),
        has_a_mistake=("One with a mistake in `output`.", story.DOCUMENT | {"output": "{{ daft }}"}),
    ),
    "Checked": Several(
        fits=("It is a flow.", {"valid": True, "name": story.FLOW, "problems": [], "graph": _GRAPH}),
        has_a_mistake=(
            "It has a mistake.",
            {
                "valid": False,
                "name": None,
                "graph": None,
                "problems": [
                    {
                        "place": "flow, at output",
                        "message": "there is no step or name `daft`.",
                        "remedy": "Did you mean `draft`?",
                        "line": 0,
                        "column": 0,
                    }
                ],
            },
        ),
    ),
    "GraphShown": _GRAPH,
    "ExampleList": {
        "examples": [
            {
                "name": story.FLOW,
                "title": "Draft and review",
                "shows": story.DOCUMENT["description"],
                "document": story.DOCUMENT,
                "input": {"topic": "tides"},
            }
        ]
    },
    "VersionList": {
        "versions": [
            {"version": 2, "digest": story.DIGEST, "created_at": story.CHANGED_AT},
            {"version": 1, "digest": story.FIRST_DIGEST, "created_at": story.SAVED_AT},
        ],
        "next": None,
    },
    "Difference": {
        "name": story.FLOW,
        "version_from": 1,
        "version_to": 2,
        "patch": [{"op": "add", "path": "/budget", "value": "0.50 usd"}],
        "lines": _LINES,
    },
}
"""By the name of the schema, or by operation and place."""

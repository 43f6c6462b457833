"""Examples of events, consumer groups and dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several
from stretto.api.paging import cursor_at

_RUN = f"runs/{story.RUN_ID}"
_DECIDED = story.event(
    "stretto.review.decided",
    _RUN,
    "01a1fda9-04e3-78c0-8d5d-2dd37b36c203",
    story.DECIDED_AT,
    run_id=story.RUN_ID,
    flow=story.FLOW,
    step="approval",
    review_id=story.REVIEW_ID,
    by=story.OWNER,
    verdict="approve",
    how="person",
    edited=False,
)
_LETTER = {
    "group": "mailer",
    "state": "dead",
    "attempts": 8,
    "error": "ConnectionRefusedError: the mail server takes no connections",
    "first_at": "2026-11-21T10:31:15.020114Z",
    "last_at": "2026-11-21T11:29:40.377209Z",
    "due_at": None,
    "position": 5310,
    "event": story.COMPLETED,
}

EXAMPLES: Mapping[str, Any] = {
    "EventList": {
        "events": [{"position": 5310, "event": story.COMPLETED}, {"position": 5309, "event": _DECIDED}],
        "next": cursor_at(5309),
    },
    "CloudEvent": story.COMPLETED,
    "SchemaList": {
        "types": [
            {
                "type": "stretto.run.completed",
                "meaning": "The run is over, and its output is there.",
                "subject": "runs/{run_id}",
                "dataschema": "/v1/events/schemas/stretto.run.completed",
            },
            {
                "type": "stretto.review.requested",
                "meaning": "A step waits for a person's decision.",
                "subject": "runs/{run_id}",
                "dataschema": "/v1/events/schemas/stretto.review.requested",
            },
        ]
    },
    "get_event_schema 200": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "/v1/events/schemas/stretto.run.completed",
        "title": "stretto.run.completed",
        "description": "The run is over, and its output is there.",
        "type": "object",
        "required": ["run_id", "flow", "cost_usd"],
        "properties": {
            "run_id": {"type": "string", "format": "uuid"},
            "flow": {"type": "string"},
            "cost_usd": {
                "type": "string",
                "pattern": "^\\d+(\\.\\d+)?$",
                "description": "US dollars, an exact decimal.",
            },
            "memorable": {"const": True, "description": "Its flow says with `remember` what it was about."},
        },
    },
    "get_asyncapi 200": {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stretto's events",
            "version": "1",
            "description": "CloudEvents 1.0 in structured JSON, at least once, in the order of each subject.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "address": "/v1/events",
                "description": "The log of a tenant's events; webhooks send the same objects.",
                "messages": {"stretto_run_completed": {"$ref": "#/components/messages/stretto_run_completed"}},
            }
        },
    },
    "GroupList": {
        "groups": [
            {
                "group": "mailer",
                "position": 5308,
                "head": 5310,
                "lag": 2,
                "members": 2,
                "oldest_at": "2026-11-21T10:31:14.934518Z",
            }
        ],
        "next": None,
    },
    "NewReplay": Several(
        after_a_position=("What came after a position.", {"position": 5300}),
        since_a_time=("What came since a time.", {"since": "2026-11-21T08:00:00Z"}),
    ),
    "Replayed": {"group": "mailer", "position": 5300},
    "LetterList": {"letters": [_LETTER], "next": None},
    "send_dead_letter_again 200": {"sent": 1},
}
"""By the name of the schema, or by operation and place."""

"""Every type of event that Stretto tells of, in one place: what it means, whose it is, and a JSON Schema of its data.

The published schemas, the AsyncAPI document and the tests are made from this table. Who reads events passes over fields that
he does not know: a later version may add some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stretto.events.event import entry_of, schema_path

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_ID: Schema = {"type": "string", "format": "uuid"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COST: Schema = {"type": "string", "pattern": r"^\d+(\.\d+)?$", "description": "US dollars, an exact decimal."}
_RUN: Mapping[str, Schema] = {"run_id": _ID, "flow": _TEXT}
_BY: Mapping[str, Schema] = {
    "by": {"type": "string", "description": "Who did it, as the audit log or the run's facts name him."}
}
_STEP: Mapping[str, Schema] = {"step": {"type": "string", "description": "The step's path, such as build[2].code."}}
_REVIEW: Mapping[str, Schema] = {**_RUN, **_STEP, "review_id": _ID}
_ASSIGNEE: Mapping[str, Schema] = {
    "assignee": {"type": ["string", "null"], "description": "Somebody, a role such as `role admin`, or nobody."}
}
_MESSAGE: Mapping[str, Schema] = {"message": {"type": "string", "description": "Cut after 500 characters."}}


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event. All of `fields` are in its data, and maybe some of `more`."""

    name: str
    meaning: str
    subject: str
    fields: Mapping[str, Schema]
    more: Mapping[str, Schema] = field(default_factory=dict[str, Schema])

    def schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of its data."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": schema_path(self.name),
            "title": self.name,
            "description": self.meaning,
            "type": "object",
            "required": list(self.fields),
            "properties": {**self.fields, **self.more},
        }


TYPES: tuple[EventType, ...] = (
    EventType(
        "stretto.run.accepted",
        "A run is durable from here on.",
        "runs/{run_id}",
        {**_RUN, "version": _COUNT, "priority": {"type": "integer", "minimum": 0, "maximum": 3}},
        {"parent_id": {**_ID, "description": "The run that it was forked from."}},
    ),
    EventType("stretto.run.paused", "No new step of the run starts.", "runs/{run_id}", {**_RUN, **_BY}),
    EventType("stretto.run.resumed", "The run's pause is over.", "runs/{run_id}", {**_RUN, **_BY}),
    EventType(
        "stretto.run.retried",
        "A run that had failed or was cancelled goes on: what failed is tried again.",
        "runs/{run_id}",
        {**_RUN, **_BY},
    ),
    EventType(
        "stretto.run.completed",
        "The run is over, and its output is there.",
        "runs/{run_id}",
        {**_RUN, "cost_usd": _COST},
        {"memorable": {"const": True, "description": "Its flow says with `remember` what it was about."}},
    ),
    EventType(
        "stretto.run.failed",
        "The run is over because a step failed for good; it can be retried.",
        "runs/{run_id}",
        {**_RUN, **_STEP, **_MESSAGE, "cost_usd": _COST},
    ),
    EventType(
        "stretto.run.cancelled",
        "Somebody ended the run.",
        "runs/{run_id}",
        {**_RUN, **_BY, "reason": _TEXT, "cost_usd": _COST},
    ),
    EventType(
        "stretto.step.failed",
        "A step failed and is not tried again by itself.",
        "runs/{run_id}",
        {
            **_RUN,
            **_STEP,
            "attempt": _COUNT,
            "error": {"type": "string", "description": "The error's name."},
            **_MESSAGE,
        },
    ),
    EventType(
        "stretto.review.requested",
        "A step waits for a person's decision.",
        "runs/{run_id}",
        {
            **_REVIEW,
            "content_type": _TEXT,
            "sensitive": {"type": "boolean"},
            "mandatory": {"type": "boolean", "description": "Only a person can decide, never time."},
        },
    ),
    EventType(
        "stretto.review.assigned",
        "A review was given to somebody, to a role, or to nobody.",
        "runs/{run_id}",
        {**_REVIEW, **_BY, **_ASSIGNEE},
    ),
    EventType(
        "stretto.review.claimed",
        "Somebody has a review in hand.",
        "runs/{run_id}",
        {**_REVIEW, **_BY, "until": {"type": "string", "format": "date-time"}},
    ),
    EventType("stretto.review.released", "Nobody has a review in hand any more.", "runs/{run_id}", {**_REVIEW, **_BY}),
    EventType(
        "stretto.review.snoozed",
        "A review was put off.",
        "runs/{run_id}",
        {**_REVIEW, **_BY, "until": {"type": "string", "format": "date-time"}},
    ),
    EventType(
        "stretto.review.escalated",
        "Nobody has decided a review in time, so that others are to.",
        "runs/{run_id}",
        {**_REVIEW, **_BY, **_ASSIGNEE},
    ),
    EventType(
        "stretto.review.endorsed",
        "The first of two people has approved a review with four eyes.",
        "runs/{run_id}",
        {**_REVIEW, **_BY},
    ),
    EventType(
        "stretto.review.decided",
        "A review is decided: by a person, by many at once, or by its deadline.",
        "runs/{run_id}",
        {
            **_REVIEW,
            **_BY,
            "verdict": {"enum": ["approve", "reject", "changes"]},
            "how": {"enum": ["person", "bulk", "deadline"]},
            "edited": {"type": "boolean", "description": "Whether the content was changed."},
        },
    ),
    EventType(
        "stretto.review.withdrawn", "A review waits no more, though nobody has decided it.", "runs/{run_id}", _REVIEW
    ),
    EventType(
        "stretto.flow.saved",
        "A flow has a new version.",
        "flows/{flow}",
        {
            "flow": _TEXT,
            "version": _COUNT,
            "digest": {"type": "string", "description": "SHA-256 of the document, hex."},
        },
    ),
    EventType(
        "stretto.schedule.fired",
        "A schedule has started a run.",
        "schedules/{schedule}",
        {"schedule": _TEXT, **_RUN},
    ),
    EventType(
        "stretto.state.changed",
        "A document of the shared state has a new version, or was removed.",
        "state/{key}",
        {
            "key": _TEXT,
            "version": _COUNT,
            **_BY,
            "deleted": {"type": "boolean"},
            "merged": {
                "type": "boolean",
                "description": "Whether its writer had seen an older version, and both changes were brought together.",
            },
        },
        {"run_id": _ID, **_STEP},
    ),
    EventType(
        "stretto.budget.exhausted",
        "What is left of a budget is less than a call needs: such calls are refused until it is renewed or raised. Told once "
        "for each month, run or step, and anew when it was raised and is exhausted again.",
        "budgets/{budget}",
        {
            "budget": {"type": "string", "description": "month:YYYY-MM, run:ID or step:ID/STEP."},
            "limit_usd": _COST,
            "spent_usd": _COST,
            "needed_usd": {**_COST, "description": "What the call needs by its estimate. " + _COST["description"]},
        },
    ),
    EventType(
        "stretto.key.created",
        "An API key was made.",
        "keys/{key}",
        {"key": {"type": "string", "description": "Its prefix, never the key."}, "role": _TEXT, **_BY},
        {"name": _TEXT, "expires_at": {"type": ["string", "null"], "format": "date-time"}},
    ),
    EventType(
        "stretto.key.rotated",
        "Another API key takes the place of this one, which ends.",
        "keys/{key}",
        {
            "key": _TEXT,
            "replaced_by": {"type": "string", "description": "The other one's prefix."},
            "expires_at": {"type": "string", "format": "date-time", "description": "When this one ends."},
            **_BY,
        },
    ),
    EventType("stretto.key.revoked", "An API key counts no more.", "keys/{key}", {"key": _TEXT, **_BY}),
    EventType(
        "stretto.member.added",
        "Somebody became a member of the tenant.",
        "members/{member_id}",
        {"member_id": _ID, "role": _TEXT, **_BY},
    ),
    EventType(
        "stretto.member.changed",
        "A member has another role.",
        "members/{member_id}",
        {"member_id": _ID, "role": _TEXT, "role_before": _TEXT, **_BY},
    ),
    EventType(
        "stretto.member.removed", "Somebody is no member any more.", "members/{member_id}", {"member_id": _ID, **_BY}
    ),
    EventType(
        "stretto.webhook.disabled",
        "A webhook gets nothing more, since its receiver is gone or has failed for days.",
        "webhooks/{webhook_id}",
        {"webhook_id": _ID, "reason": _TEXT},
    ),
    EventType(
        "stretto.webhook.tested",
        "Somebody tries a webhook out. It goes to that webhook alone, and is not in the log.",
        "webhooks/{webhook_id}",
        {"webhook_id": _ID},
    ),
    EventType(
        "hook",
        "A webhook came in, with a signature that fits; the event's type is `hook.` and the source's name.",
        "hooks/{source}",
        {"source": _TEXT, "delivery": {"type": "string", "description": "The sender's id, or a digest of the body."}},
        {
            "event": {"type": "string", "description": "The sender's name of what happened, where a header has one."},
            "body": {"description": "The body, where it is JSON."},
            "body_base64": {"type": "string", "description": "The body, where it is not."},
        },
    ),
    EventType(
        "app",
        "What an `emit` step or a handler tells; the event's type is `app.` and its name.",
        "runs/{run_id}",
        {**_RUN, "name": _TEXT, "key": _TEXT},
        {
            "data": {},
            "omitted": {"const": True, "description": "The data are larger than 64 KiB; they stand in the run."},
        },
    ),
)
"""All types, in the order of a run's life."""

BY_NAME: Mapping[str, EventType] = {each.name: each for each in TYPES}


def find_type(name: str) -> EventType | None:
    """What the catalogue says of a type; those of flows share the entry `app`, those of incoming webhooks `hook`."""
    return BY_NAME.get(entry_of(name))

"""Examples of reviews and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several

_BEN = "user ben@acme.example"
_REASON: dict[str, Any] = {
    "verdict": "escalate",
    "approved": False,
    "confidence": 0.78,
    "method": "samples",
    "calibrated": True,
    "stated": 0.86,
    "comments": "Sixteen metres is not in the sources.",
    "reasons": ["A number without a source."],
    "flags": [],
    "sensitive": False,
    "mandatory": False,
    "policy": "publish",
    "content_type": "post",
    "judge": "fact-checker",
}
_OPEN: dict[str, Any] = {
    "id": story.REVIEW_ID,
    "run_id": story.RUN_ID,
    "step": "approval",
    "attempt": 1,
    "flow": story.FLOW,
    "content_type": "post",
    "policy": "publish",
    "question": story.QUESTION,
    "excerpt": story.TEXT,
    "judge": "fact-checker",
    "confidence": 0.78,
    "sensitive": False,
    "mandatory": False,
    "four_eyes": False,
    "state": "open",
    "assignee": None,
    "claimed_by": None,
    "claimed_until": None,
    "snoozed_until": None,
    "due_at": "2026-11-22T10:25:43.891943Z",
    "on_deadline": "approve",
    "escalate_at": "2026-11-21T14:25:43.891943Z",
    "escalated_at": None,
    "first_by": None,
    "verdict": None,
    "decided_by": None,
    "how": None,
    "created_at": story.WAITING_AT,
    "closed_at": None,
    "version": 1,
}
_REQUESTED: dict[str, Any] = {"version": 1, "at": story.WAITING_AT, "by": "", "what": "requested", "detail": {}}
_MORE: dict[str, Any] = {
    "content": story.TEXT,
    "reason": _REASON,
    "stated": 0.86,
    "bulk_from": 0.85,
    "media": [],
    "history": [_REQUESTED],
    "decisions": [],
    "next": {
        "approve": "The run goes on with the content.",
        "edit": "The run goes on with what you make of the content.",
        "reject": "The run goes on without it; the flow reads your reason in `comments`.",
        "changes": "It goes back with your comments; where the flow has a loop, it is made anew and asked again.",
        "nothing": "Time decides `approve` at 2026-11-22 10:25 UTC.",
    },
    "form": None,
}
_AT = "2026-11-21T10:31:14.912490Z"
_CLOSED = _OPEN | {
    "state": "decided",
    "due_at": None,
    "on_deadline": None,
    "verdict": "approve",
    "decided_by": story.OWNER,
    "how": "person",
    "closed_at": _AT,
    "version": 2,
}
_WAITS: dict[str, Any] = {"nothing": "It waits."}
_DECIDED: dict[str, Any] = {
    **_CLOSED,
    **_MORE,
    "history": [
        _REQUESTED,
        {
            "version": 2,
            "at": _AT,
            "by": story.OWNER,
            "what": "decided",
            "detail": {"verdict": "approve", "how": "person", "edited": False},
        },
    ],
    "decisions": [
        {
            "how": "person",
            "verdict": "approve",
            "by": story.OWNER,
            "comments": "Good.",
            "edited": False,
            "value": None,
            "diff": None,
            "final": True,
            "at": _AT,
        }
    ],
    "next": {**_MORE["next"], **_WAITS},
}
_CLAIMED = {"claimed_by": _BEN, "claimed_until": "2026-11-21T10:44:02.115309Z", "version": 2}

EXAMPLES: Mapping[str, Any] = {
    "ReviewList": {"reviews": [_OPEN], "next": None},
    "ReviewDetail": {**_OPEN, **_MORE},
    "NewDecision": Several(
        approve=("It may go on as it is.", {"verdict": "approve", "comments": "Good."}),
        approve_changed=(
            "It may go on, as the person made it.",
            {
                "verdict": "approve",
                "value": "Twice a day the sea comes and goes. In Fundy it rises by sixteen metres.",
            },
        ),
        reject=("It may not.", {"verdict": "reject", "comments": "Who says sixteen metres?"}),
        changes=("Back to whoever made it.", {"verdict": "changes", "comments": "Name a source for the number."}),
    ),
    "decide_review 202": _DECIDED,
    "claim_review 200": _OPEN | _CLAIMED,
    "release_review 200": _OPEN | {"version": 3},
    "NewAssignment": {"assignee": "ben@acme.example"},
    "assign_review 200": _OPEN | {"assignee": "ben@acme.example", "version": 2},
    "NewSnooze": {"until": "2026-11-21T18:00:00Z"},
    "snooze_review 200": _OPEN | {"snoozed_until": "2026-11-21T18:00:00Z", "version": 2},
    "NewBulkDecision": {"reviews": [story.REVIEW_ID], "verdict": "approve", "comments": ""},
    "BulkShown": {"done": [], "left": [{"id": story.REVIEW_ID, "reason": "its confidence is 0.78, less than 0.85"}]},
    "NewLink": {"to": "Ben", "expires_in_s": 86400},
    "LinkMade": {
        "url": "https://stretto.acme.example/reviews/link/AQGhmDCX0LFxxZ7n",
        "expires_at": "2026-11-22T10:26:00Z",
    },
    "FiguresShown": {
        "since": "2026-10-22T10:26:00Z",
        "waiting": {
            "open": 12,
            "sensitive": 3,
            "mandatory": 4,
            "unassigned": 9,
            "claimed": 1,
            "snoozed": 0,
            "escalated": 2,
            "oldest_at": "2026-11-20T18:03:11Z",
        },
        "decided": {
            "all": 340,
            "by_person": 251,
            "by_bulk": 62,
            "by_deadline": 27,
            "approved": 288,
            "rejected": 31,
            "changes": 21,
            "wait_p50_s": 412.5,
            "wait_p95_s": 9120.0,
            "share_by_people": 0.92,
        },
        "deciders": [
            {"by": story.OWNER, "all": 200, "approved": 171, "rejected": 17, "changes": 12},
            {"by": _BEN, "all": 113, "approved": 90, "rejected": 14, "changes": 9},
            {"by": "deadline", "all": 27, "approved": 27, "rejected": 0, "changes": 0},
        ],
        "overturned": [
            {"judge": "fact-checker", "topic": None, "decided": 251, "overturned": 20, "rate": 0.08},
            {"judge": "fact-checker", "topic": "health", "decided": 40, "overturned": 10, "rate": 0.25},
        ],
        "suggested": [
            {
                "flow": story.FLOW,
                "judge": "fact-checker",
                "content_type": "post",
                "decisions": 251,
                "target_error": 0.05,
                "approve": 0.91,
                "reject": 0.42,
            }
        ],
    },
}
"""By the name of the schema, or by operation and place."""

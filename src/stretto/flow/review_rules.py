"""What holds until somebody has decided a review: what its step says, else its policy, else what holds for all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.documents.plain import Json
from stretto.flow.graph import Policy, ReviewCall, ReviewRules

DAY_S = 86_400.0
"""So long a review waits that time may release (mission: 24 hours)."""
BULK_FROM = 0.85
"""From this confidence on an item may be decided together with others."""


def asked(call: ReviewCall, scope: Mapping[str, Json], policies: Mapping[str, Policy]) -> dict[str, Any]:
    """What a person is told besides what is shown, and the rules until somebody has decided.

    `policy` and `content_type` are the step's own, else those of the judge's output that it is asked because of.
    """
    because: Any = None if call.because is None else call.because.render(scope)
    judged: dict[str, Any] = because if isinstance(because, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    policy = call.policy or str(judged.get("policy") or "")
    above = policies[policy].review if policy in policies else ReviewRules()
    media: Any = None if call.media is None else call.media.render(scope)
    return {
        "because": because,
        "content_type": call.content_type or str(judged.get("content_type") or ""),
        "policy": policy,
        "media": [] if media is None else media if isinstance(media, list) else [media],
        "rules": rules_of(call, above, mandatory=judged.get("mandatory") is True),
        "assignee": call.assignee,
    }


def rules_of(call: ReviewCall, above: ReviewRules, *, mandatory: bool = False) -> dict[str, Any]:
    """The rules in force. A step cannot take back what its policy makes mandatory; what is mandatory has no deadline."""
    four_eyes = call.four_eyes or above.four_eyes
    by_people = mandatory or call.mandatory or above.mandatory or four_eyes
    deadline_s = call.deadline_s or above.deadline_s or DAY_S
    own = call.escalate_s is not None
    bulk_from = above.bulk_from if call.bulk_from is None else call.bulk_from
    timeless = by_people or call.never
    return {
        "mandatory": by_people,
        "deadline_s": None if timeless else deadline_s,
        "on_deadline": None if timeless else call.on_deadline or above.on_deadline or "approve",
        "escalate_s": call.escalate_s if own else above.escalate_s,
        "escalate_to": call.escalate_to if own else above.escalate_to,
        "four_eyes": four_eyes,
        "bulk_from": None if by_people else BULK_FROM if bulk_from is None else bulk_from,
    }

"""From what was found to the verdict. Pure: no model, no clock, no chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stretto.flow.graph import Outcome

How = Literal["keyword", "meaning", "first_time", "money", "check", "rule"]
Method = Literal["stated", "samples", "logprobs", "checks"]
SAMPLED = "sample"
"""The flag of a pass that a person sees all the same, so that decisions are not only about what was doubtful."""
MANDATORY = "mandatory"
"""The flag of a policy whose every review is mandatory."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that was noticed: of which topic, how, what exactly, and how strongly (0-1) where that can be said."""

    topic: str
    how: How
    found: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """What a judge said. `confidence` (0-1) is what counts, `stated` what it was before calibration."""

    confidence: float | None
    method: Method
    stated: float | None = None
    calibrated: bool = False
    comments: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `approve` on a confidence passes, below `reject` it fails."""

    approve: float
    reject: float


def is_sensitive(flags: Sequence[Flag]) -> bool:
    """Whether the content touches a sensitive topic."""
    return any(flag.how in ("keyword", "meaning") for flag in flags)


def is_mandatory(flags: Sequence[Flag]) -> bool:
    """Whether only a person may let it pass."""
    return is_sensitive(flags) or any(
        flag.how in ("first_time", "money") or (flag.how == "rule" and flag.topic == MANDATORY) for flag in flags
    )


def verdict_for(confidence: float | None, flags: Sequence[Flag], bounds: Bounds) -> Outcome:
    """Reject what fails a check or is too uncertain; leave to a person what a person must see; approve the rest from `approve` on.

    No confidence at all (nobody was asked) rejects nothing and approves nothing.
    """
    if any(flag.how == "check" for flag in flags) or (confidence is not None and confidence < bounds.reject):
        return "reject"
    if is_mandatory(flags) or any(flag.topic == SAMPLED and flag.how == "rule" for flag in flags):
        return "escalate"
    return "approve" if confidence is not None and confidence >= bounds.approve else "escalate"


def reasons_for(verdict: Outcome, scored: Scored, flags: Sequence[Flag], bounds: Bounds) -> list[str]:
    """Why the verdict is what it is, in sentences."""
    reasons = [_in_words(flag) for flag in flags]
    confidence = scored.confidence
    if confidence is not None and confidence < bounds.reject:
        reasons.append(f"The confidence of {confidence:.2f} is below {bounds.reject:.2f}.")
    elif confidence is not None and confidence < bounds.approve and verdict == "escalate":
        reasons.append(f"The confidence of {confidence:.2f} is below {bounds.approve:.2f}.")
    if scored.comments and verdict != "approve":
        reasons.append(scored.comments)
    return reasons


def _in_words(flag: Flag) -> str:
    match flag.how:
        case "keyword":
            return f"It touches {flag.topic}: `{flag.found}`."
        case "meaning" if flag.score is not None:
            return f"It sounds like {flag.topic}: `{flag.found}`."
        case _:
            return flag.found


def output_of(
    verdict: Outcome,
    scored: Scored,
    flags: Sequence[Flag],
    bounds: Bounds,
    *,
    policy: str,
    content_type: str,
    judge: str,
) -> dict[str, Any]:
    """The judge step's output, as flow/declared_types.py has it (`JUDGED`)."""
    reasons = reasons_for(verdict, scored, flags, bounds)
    return {
        "verdict": verdict,
        "approved": verdict == "approve",
        "confidence": scored.confidence,
        "method": scored.method,
        "calibrated": scored.calibrated,
        "stated": scored.stated,
        "comments": scored.comments or (" ".join(reasons) if verdict == "reject" else ""),
        "reasons": reasons,
        "flags": [{"topic": flag.topic, "how": flag.how, "found": flag.found, "score": flag.score} for flag in flags],
        "sensitive": is_sensitive(flags),
        "mandatory": is_mandatory(flags),
        "policy": policy,
        "content_type": content_type,
        "judge": judge,
    }

"""Read what a step `review` says: what a person sees, and what happens until somebody has decided."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from stretto.documents.plain import Json
from stretto.documents.problems import Path, suggest
from stretto.flow.drafts import DraftPolicy, DraftStep
from stretto.flow.graph import ReviewCall, ReviewRules, Template
from stretto.flow.policies import ROLES
from stretto.flow.reading import Reader
from stretto.flow.vocabulary import REVIEW_KEYS

_ACTIONS: Mapping[str, Literal["approve", "reject"]] = {"approve": "approve", "reject": "reject"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


def read_review(
    reader: Reader, step: DraftStep, data: Mapping[str, Json], policies: Mapping[str, DraftPolicy] | None
) -> None:
    """Read the step's `review`, or note what is wrong with it. `policies` is None where they could not be read."""
    path = (*step.path, "review")
    body = reader.mapping(
        path, data["review"], "`review`", 'review: {show: "{{ draft }}", question: Shall this be sent?}'
    )
    if body is None:
        return
    body = reader.known_keys(path, body, REVIEW_KEYS, "`review`")
    question = reader.text((*path, "question"), body["question"], "`question`") if "question" in body else None
    for key, example in (("show", 'show: "{{ draft }}"'), ("question", "question: Shall this be sent?")):
        if key not in body:
            reader.at_key(path, f"`review` has no `{key}`.", f"Add `{example}`.")
    if question and "{{" in question:
        reader.at_value(
            (*path, "question"), "`question` is plain text.", "Put what changes into `show`.", question.index("{{")
        )
    show, because, media = (_template(reader, step, path, body, key) for key in ("show", "because", "media"))
    mandatory, four_eyes = (
        key in body and reader.flag((*path, key), body[key], f"`{key}`") for key in ("mandatory", "four_eyes")
    )
    content_type, policy = (_name(reader, path, body, key) for key in ("content_type", "policy"))
    above = _above(reader, path, policy, policies)
    _check_deadline(reader, path, body, mandatory=mandatory or above.mandatory, four_eyes=four_eyes or above.four_eyes)
    never = body.get("deadline") == "never"
    escalate_s, escalate_to = _escalation(reader, path, body)
    assignee = reader.text((*path, "assignee"), body["assignee"], "`assignee`") if "assignee" in body else None
    if show is None:
        return
    call = ReviewCall(
        show=show,
        question=question or "",
        because=because,
        content_type=content_type,
        policy=policy,
        media=media,
        mandatory=mandatory,
        deadline_s=reader.duration((*path, "deadline"), body["deadline"], "`deadline`")
        if "deadline" in body and not never
        else None,
        never=never,
        on_deadline=_ACTIONS.get(str(body.get("on_deadline"))),
        escalate_s=escalate_s,
        escalate_to=escalate_to,
        four_eyes=four_eyes,
        bulk_from=reader.number((*path, "bulk_from"), body["bulk_from"], "`bulk_from`", 0, 1)
        if "bulk_from" in body
        else None,
        assignee=assignee,
    )
    step.make_call = lambda _blocks: call


def _template(reader: Reader, step: DraftStep, path: Path, body: Mapping[str, Json], key: str) -> Template | None:
    if key not in body:
        return None
    template, uses = reader.template((*path, key), body[key], f"`{key}`")
    step.uses += uses
    return template


def _name(reader: Reader, path: Path, body: Mapping[str, Json], key: str) -> str:
    name = reader.text((*path, key), body[key], f"`{key}`") if key in body else None
    if name is not None and not _NAME.fullmatch(name):
        reader.at_value(
            (*path, key), f"`{name[:80]}` cannot name a {key.replace('_', ' ')}.", f"Write it like `{key}: post`."
        )
    return name or ""


def _above(reader: Reader, path: Path, policy: str, policies: Mapping[str, DraftPolicy] | None) -> ReviewRules:
    """What the policy says of reviews."""
    if not policy or policies is None:
        return ReviewRules()
    if policy not in policies:
        otherwise = "" if policies else "Describe it under `policies:`."
        reader.at_value((*path, "policy"), f"there is no policy `{policy}`.", suggest(policy, policies, otherwise))
        return ReviewRules()
    return policies[policy].policy.review


def _check_deadline(reader: Reader, path: Path, body: Mapping[str, Json], *, mandatory: bool, four_eyes: bool) -> None:
    """Notes a deadline where people must decide, or where it can decide nothing."""
    action = body.get("on_deadline", "approve")
    if action not in _ACTIONS:
        reader.at_value((*path, "on_deadline"), "`on_deadline` is `approve` or `reject`.", "Write one of these.")
    if mandatory or four_eyes:
        why = "mandatory" if mandatory else "four_eyes"
        for key in ("deadline", "on_deadline"):
            if key in body:
                reader.at_key(
                    (*path, key),
                    f"`{why}: true` says that people decide, so time never does.",
                    f"Delete `{key}`; `escalate_after` makes it more urgent with time.",
                )
    elif body.get("deadline") == "never" and "on_deadline" in body:
        reader.at_key((*path, "on_deadline"), "`deadline: never` means that time decides nothing.", "Delete it.")


def _escalation(reader: Reader, path: Path, body: Mapping[str, Json]) -> tuple[float | None, str]:
    after_s = (
        reader.duration((*path, "escalate_after"), body["escalate_after"], "`escalate_after`")
        if "escalate_after" in body
        else None
    )
    if "escalate_to" not in body:
        return after_s, "admin"
    role = reader.text((*path, "escalate_to"), body["escalate_to"], "`escalate_to`")
    if role is not None and role not in ROLES:
        reader.at_value(
            (*path, "escalate_to"),
            f"nobody of the role `{role[:40]}` decides reviews.",
            f"Write one of `{'`, `'.join(ROLES)}`.",
        )
    if "escalate_after" not in body:
        reader.at_key((*path, "escalate_to"), "`escalate_to` needs to know when.", "Add `escalate_after: 4h`.")
    return after_s, role or "admin"

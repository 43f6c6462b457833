"""The laws of reviews, said of what is written about one: pure, and by the words of the docs, not by the code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]
BULK_FROM = 0.85
YEAR_S = 31_622_400
PEOPLE_AND_MANY = ("person", "bulk")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One review: what the flow asked, all rows about it, and what its deciders were told.

    `waits`: its step waits, and it is the latest to ask of it. `told`: so often somebody heard that his decision counts. `seen`: who heard so of a decision on a certain version.
    """

    asked: Json
    review: Json
    decisions: Sequence[Json]
    history: Sequence[Json]
    has_deadline: bool
    signals: Sequence[Json]
    waits: bool
    told: int
    seen: Sequence[tuple[str, int]]
    audited: int
    announced: int


def must_be_seen(asked: Json) -> bool:
    """What the flow or its judge calls mandatory, and what two people must see. As JSON says it, so `"true"` counts."""
    rules, because = asked["rules"], asked["because"]
    judged = because.get("mandatory") if isinstance(because, dict) else None  # pyright: ignore
    return any(each is True or each == "true" for each in (rules["mandatory"], rules["four_eyes"], judged))


def share(value: object) -> float | None:
    """A number from 0 to 1; None where it is none."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if is_one else None  # type: ignore[arg-type]


def broken(found: Sequence[Evidence]) -> list[str]:
    """The laws that do not hold."""
    return [f"{each.review['id']}: {what}" for each in found for what in (*_once(each), *_seen(each), *_in_order(each))]


def _once(it: Evidence) -> Iterator[str]:
    """A decision is whole, and applied once."""
    state = it.review["state"]
    final = [each for each in it.decisions if each["final"]]
    decided = 1 if state == "decided" else 0
    for what, count in (("final decisions", len(final)), ("signals", len(it.signals)), ("events", it.announced)):
        if count != decided:
            yield f"is {state} with {count} {what}"
    if it.audited != decided:
        yield f"is {state} with {it.audited} entries in the audit log"
    if it.waits and state != "open":
        yield f"is {state}, and its step waits"
    if state == "open" and not it.waits:
        yield "is open, and its step waits no more"
    if state != "open" and it.has_deadline:
        yield "is over, and has a deadline still"
    told = sum(each["how"] in PEOPLE_AND_MANY for each in it.decisions)
    if it.told != told:
        yield f"{it.told} were told that their decision counts, and {told} are written"
    for by, version in it.seen:
        if not any((each["by"], each["n"]) == (by, version) for each in it.decisions):
            yield f"{by} decided on version {version}, and it was another"
    if final and it.signals:
        one, signal = final[0], it.signals[0]
        if (signal["verdict"], signal["value"]) != (one["verdict"], content(it, one)):
            yield "the run was told something else than was decided"
        if one["how"] != it.review["how"] or one["verdict"] != it.review["verdict"]:
            yield "the review says something else than was decided"


def _seen(it: Evidence) -> Iterator[str]:
    """What must be seen is released by people alone; what need not, by its rules."""
    rules, because = it.asked["rules"], it.asked["because"]
    must = must_be_seen(it.asked)
    if must != it.review["mandatory"]:
        yield f"is {'not ' if must else ''}mandatory"
    if must and it.has_deadline:
        yield "is mandatory, and has a deadline"
    confidence = share(because.get("confidence")) if isinstance(because, dict) else None  # pyright: ignore
    bulk_from = share(rules["bulk_from"])
    for each in it.decisions:
        if each["how"] == "bulk" and (
            confidence is None or confidence < (BULK_FROM if bulk_from is None else bulk_from)
        ):
            yield f"was decided in bulk with a confidence of {confidence}"
        if each["how"] != "person" and must:
            yield f"is mandatory, and was released by {each['how']}"
        if each["how"] == "deadline":
            due, verdict = rules["deadline_s"], rules["on_deadline"]
            valid = isinstance(due, int | float) and not isinstance(due, bool) and 0 <= due <= YEAR_S
            if not valid or verdict != each["verdict"]:
                yield f"time decided {each['verdict']} under {due} and {verdict}"
            elif (moment(each["at"]) - moment(it.review["created_at"])).total_seconds() < due:
                yield "time decided before its time"
    if rules["four_eyes"] is True and it.review["verdict"] == "approve":
        approvals = [each for each in it.decisions if each["verdict"] == "approve"]
        two = [(each["by"], content(it, each)) for each in approvals[-2:]]
        if len(two) < 2 or two[0][0] == two[1][0]:
            yield "one of two has approved"
        elif plain(two[0][1]) != plain(two[1][1]):
            yield "two have approved two things"


def _in_order(it: Evidence) -> Iterator[str]:
    """Nothing is missing in the history, and nobody decides what another has in hand."""
    if [each["n"] for each in it.history] != list(range(1, it.review["version"] + 1)):
        yield "its history has gaps"
    if it.history[0]["what"] != "requested" or [each["what"] for each in it.history].count("decided") > 1:
        yield "its history does not fit"
    holder: str | None = None
    until: datetime | None = None
    for each in it.history:
        what, at = each["what"], moment(each["at"])
        held = until is not None and until > at and each["by"] != holder
        if held and what in ("decided", "endorsed", "released", "claimed"):
            yield f"{each['by']} has {what} what {holder} had in hand"
        if what == "claimed":
            holder, until = each["by"], moment(each["detail"]["until"])
        elif what in ("released", "endorsed"):
            holder = until = None
    if it.review["state"] == "open" and it.review["claimed_by"] != holder:
        yield f"{it.review['claimed_by']} has it in hand, and by its history {holder} has"


def content(it: Evidence, decision: Json) -> Any:
    """What a decision says that the content is."""
    return decision["value"] if decision["edited"] else it.review["content"]


def plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

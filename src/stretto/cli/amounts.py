"""Times, amounts and values in few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from stretto.cli.safe_text import one_line


def duration(seconds: float) -> str:
    """`3.2 s`, `4 min 05 s`, `2 h 07 min`, `3 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def age(seconds: float) -> str:
    """How long ago, roughly: `12 s`, `5 min`, `3 h`, `2 d`."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def span(start: datetime | None, end: datetime | None) -> timedelta:
    """From start to end; nothing when either is unknown or the clocks disagree."""
    if start is None or end is None or end < start:
        return timedelta()
    return end - start


def dollars(usd: float) -> str:
    """`$0`, `$0.0123`, `$12.30`."""
    if usd == 0:
        return "$0"
    return f"${usd:.4f}" if usd < 1 else f"${usd:,.2f}"


def count(number: int, noun: str) -> str:
    """`1 step`, `2,000 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def brief(value: Any, most: int = 120) -> str:
    """A step's output in one line: what a verdict says, or the beginning of the value."""
    if value is None:
        return ""
    if isinstance(value, str):
        return one_line(value, most)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        if isinstance(fields.get("approved"), bool):
            verdict = fields.get("verdict") or ("approve" if fields["approved"] else "reject")
            said = {"approve": "approved", "reject": "rejected", "escalate": "escalated"}.get(str(verdict), verdict)
            comments = fields.get("comments")
            return one_line(f"{said}: {comments}" if comments else str(said), most)
        plain = [f"{key} {json.dumps(part)}" for key, part in fields.items() if isinstance(part, bool | int | float)]
        if plain:
            return one_line(", ".join(plain), most)
    return one_line(json.dumps(value, ensure_ascii=False, default=str), most)


def plain(value: Any) -> str:
    """A run's output as it goes to stdout: text as it is, anything else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)

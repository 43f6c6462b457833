"""Dates as people and programs write them, where they can mean one day only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_CHARS = 60
_EPOCH = re.compile(r"-?\d{9,16}(\.\d{1,9})?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(.*)", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)", re.ASCII)
_UNPADDED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(.*)", re.ASCII)
_TIME = re.compile(
    r"[T,\s]*(?:at\s+)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap]m)?\s*(Z|UTC|GMT)?", re.ASCII | re.IGNORECASE
)
_NAMED_FORMS = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d-%b-%Y")


def read_date(value: object) -> datetime | None:
    """The moment in UTC that is meant, or None where that cannot be known; without a zone it is taken as UTC.

    ISO 8601, RFC 2822, Unix time in seconds, milliseconds or microseconds, `31.12.2024`, `2024/12/31`, `December 31, 2024`, and
    `12/31/2024` where one of the two numbers cannot be a month.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if not isinstance(value, str):
        return _of_epoch(float(value)) if abs(value) < 1e17 else None
    text = value.strip()
    if not text or len(text) > MAX_CHARS:
        return None
    if _EPOCH.fullmatch(text):
        return _of_epoch(float(text))
    return _iso(text) or _numbered(text) or _named(text) or _of_mail(text)


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _of_epoch(number: float) -> datetime | None:
    """Seconds until the year 5138, above that milliseconds, above that microseconds."""
    for unit in (1, 1_000, 1_000_000):
        if abs(number) < 1e11 * unit:
            try:
                return datetime.fromtimestamp(number / unit, UTC)
            except (OverflowError, ValueError, OSError):
                return None
    return None


def _iso(text: str) -> datetime | None:
    if len(text) < 8 or (text.isdigit() and len(text) != 8):  # `20241231` is a date
        return None
    for form in (text, text.removesuffix(" UTC") + "+00:00" if text.endswith(" UTC") else ""):
        try:
            return _in_utc(datetime.fromisoformat(form))
        except ValueError:
            continue
    return None


def _numbered(text: str) -> datetime | None:
    if found := _YEAR_FIRST.fullmatch(text) or _UNPADDED.fullmatch(text):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    elif found := _DOTTED.fullmatch(text):
        day, month, year = int(found[1]), int(found[2]), int(found[3])
    elif found := _SLASHED.fullmatch(text):
        month, day, year = int(found[1]), int(found[2]), int(found[3])
        if month > 12:
            month, day = day, month
        elif day <= 12 and day != month:
            return None  # the third of April, or the fourth of March
    else:
        return None
    try:
        return _at(datetime(year, month, day, tzinfo=UTC), found[4])
    except ValueError:
        return None


def _named(text: str) -> datetime | None:
    place = re.search(r"\d{4}", text)
    if place is None:
        return None
    day, rest = text[: place.end()], text[place.end() :]
    day = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", day)
    for form in _NAMED_FORMS:
        try:
            return _at(datetime.strptime(day, form).replace(tzinfo=UTC), rest)
        except ValueError:
            continue
    return None


def _at(day: datetime, rest: str) -> datetime | None:
    """The day at the time that follows it; None where what follows is no time."""
    if not rest.strip():
        return day
    found = _TIME.fullmatch(rest)
    if found is None:
        return None
    hour, half = int(found[1]), (found[4] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return day.replace(hour=hour, minute=int(found[2]), second=int(found[3] or 0))


def _of_mail(text: str) -> datetime | None:
    try:
        return _in_utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

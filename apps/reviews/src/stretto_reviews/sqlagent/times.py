"""Times in a question: which days they mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = "|".join(f"{name}|{name[:3]}" for name in MONTHS) + "|sept"
_YEAR = r"(?:19|20)\d\d"
_DAY = rf"(?:{_YEAR}-\d\d?-\d\d?|\d\d? (?:{_MONTH}) {_YEAR}|(?:{_MONTH}) \d\d? {_YEAR}|(?:{_MONTH}) {_YEAR}|{_YEAR}-\d\d?|{_YEAR})"
_NUMBERS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    )
}
_NUMBERS.update({"twelve": 12, "twenty": 20, "thirty": 30, "hundred": 100, "a": 1, "an": 1, "few": 3, "couple of": 2})
NUMBER = r"(?:\d{1,4}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both included; None has no end on that side. `said` as a part of a sentence."""

    first: date | None
    last: date | None
    said: str


def number(word: str) -> int:
    """The number that a word or figures mean."""
    return int(word) if word.isdigit() else _NUMBERS[word]


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)


def _month(word: str) -> int:
    return next(index for index, name in enumerate(MONTHS, start=1) if name[:3] == word[:3])


def _days(text: str) -> tuple[date, date] | None:
    """First and last day of a day, a month or a year that is named."""
    try:
        if found := re.fullmatch(rf"({_YEAR})-(\d\d?)-(\d\d?)", text):
            day = date(*(int(part) for part in found.groups()))
            return day, day
        if found := re.fullmatch(rf"(\d\d?) ({_MONTH}) ({_YEAR})|({_MONTH}) (\d\d?) ({_YEAR})", text):
            parts = found.groups()
            day, month, year = (parts[0], parts[1], parts[2]) if parts[0] else (parts[4], parts[3], parts[5])
            same = date(int(year), _month(month), int(day))
            return same, same
        if found := re.fullmatch(rf"({_MONTH}) ({_YEAR})", text):
            first = date(int(found[2]), _month(found[1]), 1)
            return first, month_end(first)
        if found := re.fullmatch(rf"({_YEAR})-(\d\d?)", text):
            first = date(int(found[1]), int(found[2]), 1)
            return first, month_end(first)
        return date(int(text), 1, 1), date(int(text), 12, 31)
    except ValueError:
        return None


def _between(found: re.Match[str], _today: date) -> Span | None:
    start, end = _days(found[1]), _days(found[2])
    if start is None or end is None or start[0] > end[1]:
        return None
    return Span(start[0], end[1], f"from {start[0]} to {end[1]}")


def _since(found: re.Match[str], today: date) -> Span | None:
    days = _days(found[2])
    if days is None:
        return None
    if found[1] == "after":
        return Span(days[1] + timedelta(days=1), None, f"after {days[1]}")
    return Span(days[0], None, f"since {days[0]}")


def _before(found: re.Match[str], _today: date) -> Span | None:
    days = _days(found[2])
    if days is None:
        return None
    if found[1] == "before":
        return Span(None, days[0] - timedelta(days=1), f"before {days[0]}")
    return Span(None, days[1], f"until {days[1]}")


def _last_some(found: re.Match[str], today: date) -> Span | None:
    count, unit = number(found[1]), found[2]
    days = count * {"day": 1, "week": 7, "month": 30, "year": 365}[unit]
    if not 0 < days < 365 * 100:
        return None
    if unit == "month":  # as many months back, on the same day
        months = today.year * 12 + today.month - 1 - count
        first = date(months // 12, months % 12 + 1, 1)
        first = min(first.replace(day=1) + timedelta(days=today.day - 1), month_end(first)) + timedelta(days=1)
    else:
        first = today - timedelta(days=days - 1)
    return Span(first, today, f"in the last {count} {unit}{'s' if count != 1 else ''} (since {first})")


def _calendar(found: re.Match[str], today: date) -> Span | None:
    which, unit = found[1], found[2]
    back = which in {"last", "previous", "past"}
    if unit == "week":
        first = today - timedelta(days=today.weekday() + 7 * back)
        return Span(first, first + timedelta(days=6), f"in the week from {first}")
    if unit == "month":
        first = today.replace(day=1)
        if back:
            first = (first - timedelta(days=1)).replace(day=1)
        return Span(first, month_end(first), f"in {MONTHS[first.month - 1].capitalize()} {first.year}")
    year = today.year - back
    return Span(date(year, 1, 1), date(year, 12, 31), f"in {year}")


def _quarter(found: re.Match[str], _today: date) -> Span | None:
    quarter, year = int(found[1]), int(found[2])
    first = date(year, 3 * quarter - 2, 1)
    return Span(
        first,
        month_end(first.replace(month=3 * quarter)),
        f"in the {('1st', '2nd', '3rd', '4th')[quarter - 1]} quarter of {year}",
    )


def _named(found: re.Match[str], _today: date) -> Span | None:
    days = _days(found[1])
    if days is None:
        return None
    first, last = days
    if first == last:
        return Span(first, last, f"on {first}")
    if first.month == last.month:
        return Span(first, last, f"in {MONTHS[first.month - 1].capitalize()} {first.year}")
    return Span(first, last, f"in {first.year}")


def _month_alone(found: re.Match[str], today: date) -> Span | None:
    month = _month(found[1])
    first = date(today.year - (month > today.month), month, 1)
    return Span(first, month_end(first), f"in {MONTHS[month - 1].capitalize()} {first.year}")


def _day_word(found: re.Match[str], today: date) -> Span | None:
    day = today - timedelta(days=found[1] == "yesterday")
    return Span(day, day, f"on {day}")


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Span | None]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (rf"\b(?:between|from) ({_DAY}) (?:and|to|until|till) ({_DAY})\b", _between),
        (rf"\b(since|from|after|starting) ({_DAY})\b", _since),
        (rf"\b(before|until|till|up to) ({_DAY})\b", _before),
        (
            rf"\b(?:in |over |during |within |for )?(?:the )?(?:last|past|previous) ({NUMBER}) (day|week|month|year)s?\b",
            _last_some,
        ),
        (r"\b(?:in |during |for |over )?(?:the )?(this|last|previous|past|current) (week|month|year)\b", _calendar),
        (rf"\b(?:in |during |for )?q([1-4]) (?:of )?({_YEAR})\b", _quarter),
        (rf"\b(?:in |during |on |for |of |the )*({_DAY})\b", _named),
        (rf"\b(?:in|during|for|of) ({_MONTH})\b", _month_alone),
        (r"\b(yesterday|today)\b", _day_word),
    )
)


def find_span(text: str, today: date) -> tuple[Span | None, str]:
    """The time that a question names, and the question without it."""
    for pattern, read in _FORMS:
        if found := pattern.search(text):
            span = read(found, today)
            if span is not None:
                return span, f"{text[: found.start()]} {text[found.end() :]}"
    return None, text

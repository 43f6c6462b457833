"""Durations (`250ms`, `10s`, `5m`, `2h`, `1d`) and money (`0.50 usd`, `$0.50`) as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

from stretto.documents.problems import Fault

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_S = 366 * 86400.0
MOST_USD = 1_000_000

_DURATION = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµ]*)\s*", re.ASCII)
_PARTS = re.compile(
    r"\s*(?:([0-9]{1,4})d)?\s*(?:([0-9]{1,6})h)?\s*(?:([0-9]{1,8})m)?\s*(?:([0-9]{1,9})s)?\s*", re.ASCII
)
_MONEY = re.compile(r"\s*(?:\$\s*(-?[0-9]+(?:\.[0-9]+)?)|(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z€£$]*))\s*")
_WORDS = {
    "ms": ("millisecond", "milliseconds", "msec", "msecs"),
    "s": ("sec", "secs", "second", "seconds"),
    "m": ("min", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "d": ("day", "days"),
}
_UNIT_OF_WORD = {word: unit for unit, words in _WORDS.items() for word in (*words, unit)}


def parse_duration(value: object) -> float:
    """Seconds of a duration. Raises `Fault` that suggests the right way to write it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Fault("a duration is a number with a unit", "Write it like `30s`, `5m`, `2h` or `1d`.")
    if isinstance(value, int | float):
        raise Fault(
            f"`{_short(value)}` has no unit", f"Write `{_short(value)}s` for seconds or `{_short(value)}m` for minutes."
        )
    match = _DURATION.fullmatch(value)
    if not match and (parts := _PARTS.fullmatch(value)) and any(parts.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        plain = f"{total // 60}m" if total % 60 == 0 else f"{total}s"
        raise Fault(f"`{_short(value)}` has several units", f"Write `{plain}`.")
    if not match:
        raise Fault(
            f"`{_short(value)}` is no duration", "Write one number and one unit, like `30s`, `5m`, `2h` or `1d`."
        )
    number, unit = match.groups()
    if unit not in UNITS:
        meant = _UNIT_OF_WORD.get(unit.lower())
        if not unit:
            raise Fault(f"`{_short(value)}` has no unit", f"Write `{number}s` for seconds or `{number}m` for minutes.")
        remedy = f"Write `{number}{meant}`." if meant else "The units are `ms`, `s`, `m`, `h` and `d`."
        raise Fault(f"`{unit}` is no unit of time", remedy)
    seconds = float(number) * UNITS[unit] if len(number) < 20 else float("inf")
    if seconds <= 0:
        raise Fault(f"`{_short(value)}` is no time at all", "Give a duration greater than zero.")
    if seconds > LONGEST_S:
        raise Fault(f"`{_short(value)}` is longer than a year", "Give at most `366d`.")
    return seconds


def parse_money(value: object) -> float:
    """US dollars of an amount. Raises `Fault` that suggests the right way to write it."""
    return float(parse_usd(value))


def parse_usd(value: object) -> Decimal:
    """US dollars of an amount, exact. Raises `Fault` that suggests the right way to write it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Fault("an amount of money is a number with its currency", 'Write it like `"0.50 usd"`.')
    if isinstance(value, int | float):
        raise Fault(f"`{_short(value)}` has no currency", f'Write `"{_short(value)} usd"`.')
    match = _MONEY.fullmatch(value)
    if not match:
        raise Fault(f"`{_short(value)}` is no amount of money", 'Write it like `"0.50 usd"` or `$0.50`.')
    number = match[1] or match[2]
    if match[1] is None and (match[3] or "").lower() not in ("usd", "$"):
        if not match[3]:
            raise Fault(f"`{_short(value)}` has no currency", f'Write `"{number} usd"`.')
        raise Fault(f"`{match[3]}` is no currency that prices are kept in", "Amounts are in `usd`.")
    amount = Decimal(number) if len(number) < 20 else Decimal("inf")
    if amount <= 0:
        raise Fault(f"`{_short(value)}` allows no call at all", "Give an amount greater than zero.")
    if amount > MOST_USD:
        raise Fault(f"`{_short(value)}` is more than {MOST_USD:,.0f} usd", "Give a smaller amount.")
    return amount


def _short(value: object) -> str:
    text = str(value) if not isinstance(value, int) or abs(value) < 10**20 else "a huge number"
    return text if len(text) <= 40 else text[:37] + "…"

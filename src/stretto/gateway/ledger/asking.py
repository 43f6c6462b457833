"""What people ask of the ledger, read from the words of the command line and of a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from stretto.errors import Invalid
from stretto.gateway.ledger.usage import USAGE_KEYS, RowKey, UsageKey

_KEYS: Mapping[str, UsageKey] = {key: key for key in USAGE_KEYS}
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
EXAMPLES = "7d, 12h, 2026-11-01 or 2026-11-01T08:00Z"


def read_row_keys(text: str) -> tuple[RowKey, ...]:
    """As `read_keys`, with `tenant` among those that there are."""
    words = text.split(",")
    place = next((at for at, word in enumerate(words) if word.strip().lower() == "tenant"), None)
    if place is None:
        return read_keys(text)
    before, after = ",".join(words[:place]), ",".join(w for w in words[place:] if w.strip().lower() != "tenant")
    return tuple(dict.fromkeys((*read_keys(before), "tenant", *read_keys(after))))


def read_keys(text: str) -> tuple[UsageKey, ...]:
    """The keys in `day,model`, each once. Raises `Invalid` for one that there is not."""
    found: list[UsageKey] = []
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        if (key := _KEYS.get(word)) is None:
            raise Invalid(f"Usage cannot be told apart by {word!r}. Choose of {', '.join(USAGE_KEYS)}.")
        if key not in found:
            found.append(key)
    return tuple(found)


def read_time(text: str, now: datetime) -> datetime:
    """A time: so long ago (`7d`, `12h`), a day or a moment, in UTC where no zone is told.

    Days and weeks ago are whole: `7d` is the beginning of the day a week ago. Raises `Invalid`.
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        try:
            then = now.astimezone(UTC) - int(ago[1]) * _UNITS[ago[2]]
        except OverflowError:
            raise Invalid(f"{text!r} is too long ago.") from None
        return then if ago[2] in "mh" else datetime.combine(then.date(), time(0, tzinfo=UTC))
    try:
        then = datetime.fromisoformat(text)
        return then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{text!r} is no time. Write it as {EXAMPLES}.") from None

"""Failures of a server to order: at once, or at any point of a stream.

As a header, `x-sim-fault: cut; after=5`. Kinds: `status` (with `code`: 400, 401, 403, 404, 429, 500, 503, 529 …), `cut` (the
connection is aborted), `stall` (silence for `seconds`, then it is aborted), `malformed` (a chunk that is no JSON), `error` (an
error event in mid-stream), `drip` (every byte in a chunk by itself, `seconds` after every 64th), `unended` (the stream ends
without its end marker).

An unstreamed answer has no middle: there `error` is status 500, `malformed` half of the JSON, and `unended` a `cut`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from stretto.errors import RequestUnread

Kind = Literal["status", "cut", "stall", "malformed", "error", "drip", "unended"]
MOST = 1_000_000
"""Largest number in a header."""
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class WireFault:
    """How one answer fails: after so many tokens, for so many seconds (None: as is usual for the kind), with this status."""

    kind: Kind
    after: int = 0
    seconds: float | None = None
    code: int = 500
    retry_after_s: float | None = None

    @property
    def pause_s(self) -> float:
        """How long it is silent."""
        if self.seconds is not None:
            return self.seconds
        return 0.002 if self.kind == "drip" else 30.0


WireFaults = Sequence[WireFault | None] | Callable[[int], WireFault | None]
"""The fault of the first, second … request (none for those after the last), or a function of the number, from 1 on."""


def parse_fault(text: str) -> WireFault:
    """A fault as the header says it. Raises `RequestUnread`."""
    kind, *more = [part.strip() for part in text.split(";")]
    if kind not in KINDS:
        raise RequestUnread(f"x-sim-fault: {kind!r} is none of {', '.join(KINDS)}.", param="x-sim-fault")
    values: dict[str, float] = {}
    for part in more:
        name, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number <= MOST:
            raise RequestUnread(f"x-sim-fault: {part!r} is not like `after=5`.", param="x-sim-fault")
        values[name.strip()] = number
    unknown = values.keys() - {"after", "seconds", "code", "retry_after"}
    if unknown:
        raise RequestUnread(f"x-sim-fault: {', '.join(sorted(unknown))} is not known.", param="x-sim-fault")
    code = int(values.get("code", 500))
    if not 400 <= code <= 599:
        raise RequestUnread(f"x-sim-fault: {code} is no status of a failure, 400 to 599.", param="x-sim-fault")
    return WireFault(
        kind,
        after=int(values.get("after", 0)),
        seconds=values.get("seconds"),
        code=code,
        retry_after_s=values.get("retry_after"),
    )


def draw_fault(rng: Random, rates: Mapping[Kind, float], tokens: int) -> WireFault | None:
    """A fault by chance: each kind with its rate (0-1), at any point of the stream."""
    drawn = rng.random()
    for kind, rate in rates.items():
        if drawn < rate:
            return WireFault(kind, after=rng.randrange(tokens + 1), code=rng.choice((429, 500, 529)))
        drawn -= rate
    return None

"""What a bucket gives to each priority at each level.

With L tokens in a bucket of capacity C that keeps R in reserve and skips below the share S (Maestro: C 30, R 5, S 20 %, refilled
by 2.5 a minute; a call takes one token):

| level                       | P0       | P1                     | P2                | P3       |
|-----------------------------|----------|------------------------|-------------------|----------|
| L >= max(R + 1, S C)  (6)   | goes     | goes                   | goes              | goes     |
| R + 1 <= L < S C            | goes     | goes                   | goes              | skipped  |
| 1 <= L < R + 1              | goes     | waits for level R + 1  | put off by 1800 s | skipped  |
| L < 1                       | waits    | waits for level R + 1  | put off by 1800 s | skipped  |

The second line is empty with Maestro's numbers, since 5 + 1 is 20 % of 30. P0's wait is the time to a whole token (24 s at
most). Where a route's ladder lets P2 or P3 wait all the same, they wait for the level that lets them go.
"""

from __future__ import annotations

from stretto.gateway.config import Bucket
from stretto.gateway.grants import Scarce, Short
from stretto.gateway.provider import Caller


def urgency(caller: Caller) -> int:
    """The caller's priority, within 0 (first) to 3 (last)."""
    return min(max(caller.priority, 0), 3)


def floor_of(bucket: Bucket, priority: int) -> float:
    """What a call of this priority leaves in the bucket."""
    if priority == 0:
        return 0.0
    if priority < 3:
        return bucket.reserve
    return max(bucket.reserve, bucket.skip_below * bucket.capacity - 1)


def short_of_bucket(bucket: Bucket, priority: int, level: float, soonest_s: float) -> Short:
    """What a call is told that the bucket does not let go."""
    place = f"Bucket {bucket.name!r} is at {level:.3g} of {bucket.capacity:g}"
    if priority == 0:
        return Short("bucket", f"{place}: no token is left, P0 waits for the next.", soonest_s, "wait")
    if priority == 1:
        return Short(
            "bucket", f"{place}, of which {bucket.reserve:g} are kept for P0: P1 waits its turn.", soonest_s, "wait"
        )
    if priority == 2:
        return Short(
            "bucket",
            f"{place}, of which {bucket.reserve:g} are kept for P0: P2 is put off by {bucket.defer_s:g} s.",
            bucket.defer_s,
            "defer",
        )
    return Short("bucket", f"{place}: P3 is skipped below {bucket.skip_below:.0%}.", soonest_s, "skip")


def short_of(what: Scarce, deployment: str, soonest_s: float) -> Short:
    """What a call is told when its deployment has no room."""
    words = {
        "requests": f"Deployment {deployment!r} takes no more requests for now.",
        "tokens": f"Deployment {deployment!r} takes no more tokens for now.",
        "concurrency": f"All places of deployment {deployment!r} are taken.",
    }
    return Short(what, words[what], soonest_s)

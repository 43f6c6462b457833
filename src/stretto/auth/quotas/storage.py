"""The counters as a storage of the library `limits`, for its strategies and what others have built on them.

The service itself asks `Windows`, which counts a request in several limits at once, all or none; the library's strategies
know one limit at a time, so that a request that the second limit refuses would count in the first.
"""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID

from limits.aio.storage import MovingWindowSupport, Storage

from stretto.auth.quotas.counting import Counter
from stretto.auth.quotas.windows import Windows
from stretto.errors import StoreError
from stretto.store import Database, load_queries

_Q = load_queries("stretto.auth.quotas")
UNLIMITED: Final = 2**31 - 1


class WindowStorage(Storage, MovingWindowSupport):
    """A storage for one tenant's limits. Use it with the strategy `moving-window`; `fixed-window` counts just as strictly.

    Windows are kept in 61 slots (see `counting`), so `get_moving_window` tells the time when room comes back to a 60th of
    the window.
    """

    STORAGE_SCHEME = None

    def __init__(self, database: Database, windows: Windows, tenant_id: UUID) -> None:
        super().__init__()
        self._database = database
        self._windows = windows
        self._tenant_id = tenant_id
        self._widths: dict[str, int] = {}  # `get` names no window

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage raises when it cannot be used."""
        return StoreError

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` requests if they all fit."""
        return (await self._windows.take([self._counter(key, limit, expiry)], amount)).passes

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest request that counts came (to a slot), and how many count."""
        (stand,) = (await self._windows.take([self._counter(key, limit, expiry)], 0)).stands
        now = time.time()
        return (now + stand.wait_s - expiry if stand.used else now), stand.used

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count without a limit; gives how many count now."""
        (stand,) = (await self._windows.take([self._counter(key, UNLIMITED, expiry)], amount)).stands
        return stand.used

    async def get(self, key: str) -> int:
        """How many count now, of a key that this storage has seen."""
        if key not in self._widths:
            return 0
        (stand,) = (await self._windows.take([self._counter(key, UNLIMITED, self._widths[key])], 0)).stands
        return stand.used

    async def get_expiry(self, key: str) -> float:
        """When room comes back."""
        if key not in self._widths:
            return time.time()
        (stand,) = (await self._windows.take([self._counter(key, UNLIMITED, self._widths[key])], 0)).stands
        return time.time() + stand.wait_s

    async def check(self) -> bool:
        """Whether the database answers."""
        try:
            async with self._database.system():
                return True
        except StoreError:
            return False

    async def clear(self, key: str) -> None:
        """Forget what one key has used."""
        await self._reset(f"limits {key}")

    async def reset(self) -> int | None:
        """Forget all that the tenant has used; gives how many counters there were."""
        return await self._reset(None)

    async def _reset(self, name: str | None) -> int:
        async with self._database.tenant(self._tenant_id) as connection:
            row = await (await connection.execute(_Q["reset_windows"], {"name": name})).fetchone()
        assert row is not None
        return int(row[0])

    def _counter(self, key: str, limit: int, expiry: int) -> Counter:
        if len(self._widths) >= 10_000:
            self._widths.clear()
        self._widths[key] = expiry
        return Counter(self._tenant_id, f"limits {key}", limit, expiry)

"""Whether who holds a stream or a WebSocket open still may: asked again every two seconds, as if he had just come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from stretto.api.doors import AGAIN, principal_of
from stretto.auth import Permission, Principal
from stretto.errors import LoginNeeded, NotAllowed, NotIdentified, StrettoError

CHECK_S = 2.0
"""With the 3 s for which a key or session is remembered, what was ended holds nothing open for longer than 5 s."""


class Standing:
    """Who holds something open, and the permission that this takes. `principal` is as it was found last."""

    def __init__(
        self, principal: Principal, permission: Permission, ask: Callable[[], Awaitable[Principal]] | None
    ) -> None:
        self.principal = principal
        self._permission: Permission = permission
        self._ask = None if principal.via == "local" else ask  # the owner of this machine stays that

    async def lost(self) -> StrettoError:
        """Waits until he may no longer, and gives the reason. A database that is away is none."""
        if self._ask is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets this event")
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                found = await self._ask()
                self._check(found)
            except (NotIdentified, NotAllowed) as error:
                return error
            except StrettoError:
                continue
            self.principal = found

    def _check(self, found: Principal) -> None:
        before = self.principal
        if (found.tenant_id, found.by, found.via) != (before.tenant_id, before.by, before.via):
            raise LoginNeeded("Who opened this is logged in no longer. Log in at /auth/login, and open it again.")
        found.check(self._permission)


def standing_of(request: HTTPConnection, permission: Permission) -> Standing:
    """The standing of who asks, for what this permission allows."""
    ask: Callable[[], Awaitable[Principal]] | None = request.scope.get(AGAIN)
    return Standing(principal_of(request), permission, ask)

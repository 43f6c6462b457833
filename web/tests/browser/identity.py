"""An identity provider for the browser's tests: prints its issuer and client id, and ends with its stdin."""

import asyncio
import sys

from stretto.testing.identity import IdentityProvider


async def main() -> None:
    """Serve until nobody needs it any more."""
    async with IdentityProvider() as provider:
        provider.add_user("ada", email="ada@example.org", name="Ada")
        print(provider.issuer, provider.client_id, flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())

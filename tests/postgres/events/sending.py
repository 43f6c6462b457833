"""A process that sends what is due to webhooks, for tests that kill it: `python -m tests.postgres.events.sending KEY LEASE_S`."""

from __future__ import annotations

import asyncio
import sys

from stretto.events.webhooks import Seal, Sender
from stretto.events.webhooks.places import Places
from stretto.settings import load_settings
from stretto.store import Database


async def main(key: str, lease_s: float) -> None:
    """Send until killed."""

    async def maker() -> bytes:
        return bytes.fromhex(key)

    database = await Database.open(load_settings())
    print("ready", flush=True)  # noqa: T201
    await Sender(database, Seal(maker), Places(local=True), lease_s=lease_s).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))

"""A consumer for the browser's tests: refuses each event once, then takes it. Ends with its stdin."""

import asyncio
import sys

from stretto import Platform
from stretto.events import Attempts, Consumer, Event, Group
from stretto.store import DEFAULT_TENANT


async def main() -> None:
    """Consume until nobody needs it any more."""
    refused: set[object] = set()

    async def take(event: Event) -> None:
        if event.id not in refused:
            refused.add(event.id)
            raise ValueError("the amount is missing")

    async with Platform.open(worker=False) as platform:
        consumer = Consumer(
            platform.database,
            platform.transport,
            Group("billing", DEFAULT_TENANT),
            take,
            types=["stretto.run.completed"],
            attempts=Attempts(most=1),
        )
        work = asyncio.create_task(consumer.run())
        await asyncio.to_thread(sys.stdin.read)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


asyncio.run(main())

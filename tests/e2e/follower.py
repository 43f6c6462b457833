"""A server process without a worker, for tests: prints its address, and ends when its standard input does."""

import asyncio
import sys

from stretto.api import serving
from stretto.platform import Platform
from stretto.settings import load_settings


async def main() -> None:
    async with Platform.open(load_settings(port=0), worker=False) as platform, serving(platform) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())

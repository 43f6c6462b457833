"""A process that asks for more than there is: `counting_process.py SECONDS TASKS MOST WINDOW_S`, prints what it got. Begins at a line on stdin.

One line for each request that passed: the time (monotonic, which all processes of a machine share) before and after.
"""

from __future__ import annotations

import asyncio
import sys
import time

from stretto.auth.quotas.counting import Counter
from stretto.auth.quotas.windows import Windows
from stretto.settings import load_settings
from stretto.store import DEFAULT_TENANT, Database


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def ask(windows: Windows, counter: Counter, until: float) -> None:
    while time.monotonic() < until:
        before = time.monotonic()
        if (await windows.take([counter])).passes:
            say(f"{before:.6f} {time.monotonic():.6f}")
        else:
            await asyncio.sleep(0.002)


async def main(seconds: float, tasks: int, most: int, window_s: int) -> None:
    database = await Database.open(load_settings())
    windows = Windows(database)
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    until = time.monotonic() + seconds
    counter = Counter(DEFAULT_TENANT, "shared", most, window_s)
    await asyncio.gather(*(ask(windows, counter, until) for _ in range(tasks)))
    await windows.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), *map(int, sys.argv[2:5])))

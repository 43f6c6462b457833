"""A process that moves amounts between two documents, under keys: started again, it asks for the same once more."""

from __future__ import annotations

import asyncio
import sys

from stretto.settings import load_settings
from stretto.state import State, Write
from stretto.store import DEFAULT_TENANT, Database

KEYS = ("bank/a", "bank/b")


async def main(name: str, writers: int, writes: int) -> None:
    """Print each move once it is committed."""
    database = await Database.open(load_settings(pool_size=writers))
    state = State(database, DEFAULT_TENANT, {})

    async def work(writer: int) -> None:
        for number in range(writes):
            tag = f"{name}-{writer}-{number}"
            await state.commit(moved(tag, number + 1), idempotency_key=tag)
            sys.stdout.write(f"{tag}\n")
            sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for writer in range(writers):
            group.create_task(work(writer))
    await database.close()


def moved(tag: str, amount: int) -> list[Write]:
    """Take from one and give to the other."""
    return [
        Write.patch(
            key,
            [{"op": "increment", "path": "/sum", "by": by}, {"op": "add", "path": "/tags/-", "value": tag}],
        )
        for key, by in zip(KEYS, (-amount, amount), strict=True)
    ]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

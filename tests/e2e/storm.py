"""A storm of clients: they follow runs over two servers that do not carry them out, lose their connections at random and come
back, to whichever server. In the end each must have exactly what the log tells.

`python -m tests.e2e.storm --clients 200 --seconds 180` does so on a database of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from stretto.engine import Runs
from stretto.engine.rows import texts_of
from stretto.platform import Platform
from stretto.settings import Settings
from tests.e2e.wire import Client, Reader

MOST_ROUND_S = 240.0
FLOW: dict[str, Any] = {
    "flow": "storm",
    "agents": {"writer": {"model": "fast", "prompt": "Write an essay on {{ topic }}.\nAs long as you can.\n"}},
    "steps": {
        **{
            name: {
                "agent": "writer",
                "input": {"topic": topic},
                "retry": {"attempts": 12, "backoff": "20ms"},
            }
            for name, topic in (("sea", "the sea"), ("sky", "the sky"))
        },
        "echo": {
            "agent": "writer",
            "input": {"topic": "{{ segment }}"},
            "each": {"of": "sea", "by": {"tokens": 60}},
            "retry": {"attempts": 12, "backoff": "20ms"},
        },
    },
}


@dataclass
class Seen:
    """What happened in all rounds."""

    rounds: int = 0
    runs: int = 0
    clients: int = 0
    connections: int = 0
    events: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        events = ", ".join(f"{count:,} {name}" for name, count in sorted(self.events.items()))
        return (
            f"{self.rounds} rounds, {self.runs} runs, {self.clients} clients, {self.connections:,} connections; "
            f"events: {events}; wrong: {len(self.wrong)}"
        )


@asynccontextmanager
async def process(settings: Settings, module: str, *arguments: object) -> AsyncGenerator[str]:
    """A process of its own; gives the line that it writes when it is ready."""
    environment = os.environ | {"STRETTO_HOME": str(settings.home), "STRETTO_DATABASE_URL": settings.database_url or ""}
    if not settings.database_url:
        del environment["STRETTO_DATABASE_URL"]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *map(str, arguments),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(60):
            ready = (await child.stdout.readline()).decode().strip()
        yield ready
        await asyncio.wait_for(child.communicate(b""), 30)
        assert child.returncode == 0, f"{module} ended with {child.returncode}"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def follow(sides: list[Client], run_id: UUID, chance: random.Random, seen: Seen) -> Reader:
    """Follow a run to its end, through connections that last for some events or some time, whichever is shorter."""
    reader = Reader()
    while reader.status is None:
        seen.connections += 1
        left = chance.randint(1, 400)
        events = chance.choice(sides).events(f"/v1/runs/{run_id}/stream", reader.last_id)
        try:
            async with asyncio.timeout(chance.uniform(0.2, 4.0)), aclosing(events):
                async for event in events:
                    reader.take(event)
                    seen.events[event.event] += 1
                    left -= 1
                    if not left:
                        break
        except TimeoutError:
            pass
    return reader


async def compare(runs: Runs, run_id: UUID, readers: list[Reader], seen: Seen) -> None:
    """Hold what each client has to what the log tells."""
    rows = await runs.journal(run_id)
    texts = {step: text.slice(0) for step, text in texts_of(rows).items() if text.length}
    facts = [row.seq for row in rows if row.kind not in ("Text", "TextRetracted")]
    status = (await runs.get(run_id)).status
    for reader in readers:
        shown = {step: text for step, text in reader.texts.items() if text}
        if (shown, reader.facts, reader.status) != (texts, facts, status):
            seen.wrong.append(f"run {run_id}: {shown.keys() ^ texts.keys()} {reader.status} {status}")


async def storm(
    settings: Settings, *, clients: int, runs: int, seconds: float = 0.0, tokens_per_s: float = 20.0, tokens: int = 200
) -> Seen:
    """Rounds of so many clients on so many runs, until the time is over; one round at least."""
    seen, chance = Seen(), random.Random(7)
    end = time.monotonic() + seconds
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(Platform.open(settings, worker=False))
        door = platform.runs()
        sides = [Client(await stack.enter_async_context(process(settings, "tests.e2e.follower"))) for _ in range(2)]
        await stack.enter_async_context(process(settings, "tests.e2e.storm_worker", tokens_per_s, tokens))
        while not seen.rounds or time.monotonic() < end:
            started = await asyncio.gather(*[sides[n % 2].post("/v1/runs", {"flow": FLOW}) for n in range(runs)])
            ids = [UUID(answer.json["id"]) for answer in started]
            async with asyncio.timeout(MOST_ROUND_S):
                readers = await asyncio.gather(
                    *[follow(sides, ids[n % runs], random.Random(chance.random()), seen) for n in range(clients)]
                )
            for n, run_id in enumerate(ids):
                await compare(door, run_id, readers[n::runs], seen)
            seen.rounds, seen.runs, seen.clients = seen.rounds + 1, seen.runs + runs, seen.clients + clients
            if __name__ == "__main__":
                sys.stdout.write(f"{seen}\n")
                sys.stdout.flush()
    return seen


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stretto-storm-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        settings = Settings(home=home)
        seen = asyncio.run(storm(settings, clients=given.clients, runs=given.runs, seconds=given.seconds))
    sys.stdout.write("\n".join(seen.wrong[:20]))
    raise SystemExit(bool(seen.wrong))


if __name__ == "__main__":
    main()

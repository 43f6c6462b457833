"""Take the pictures of README and docs anew: a server in a folder of its own, real runs of the examples, a real browser.

    python tools/screenshots.py [--into docs/images]

The simulated provider answers, and the pages say so. Needs Chromium (or $CHROMIUM) and what `make setup` builds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("pair-programming", "follow-the-writer", "swarm", "ask-a-person", "ask-a-person")
ENDED = ("completed", "failed", "cancelled", "waiting")
MOST_S = 120.0
INDEXED_S = 600.0


def main() -> int:
    """Read the command line, and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of README and docs.")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images")
    folder: Path = parser.parse_args().into.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stretto-screenshots-") as home:
        Path(home, "stretto.yaml").write_text("routes: {default: [simulated/any]}\ndefault_route: default\n")
        return asyncio.run(take(folder, home))


async def take(folder: Path, home: str) -> int:
    """Start, run, look, stop."""
    async with server(home) as url, aiohttp.ClientSession(url) as client:
        async with client.get("/v1/examples") as answer:
            shipped = {each["name"]: each for each in (await answer.json())["examples"]}
        runs: dict[str, str] = {}
        for name in EXAMPLES:
            runs[name] = await carried_out(client, shipped[name])
        again = await accepted(client, shipped["pair-programming"])
        shots: list[dict[str, Any]] = [
            {"name": "run-live", "path": f"/runs/{again}", "waitMs": 6_500, "click": ["^build.*code,"]},
            {"name": "inbox", "path": "/reviews", "press": ["j"]},
            {"name": "flow", "path": "/flows/swarm", "theme": "dark"},
            {"name": "usage", "path": "/usage"},
        ]
        if code := await pictures(url, folder, shots):
            return code
    with tempfile.TemporaryDirectory(prefix="stretto-screenshots-") as other:
        shutil.copy(Path(home, "stretto.yaml"), other)
        return await take_reviews(folder, other)


async def take_reviews(folder: Path, home: str) -> int:
    """The review engine's pages, with its samples, once all of them can be searched."""
    async with server(home, "--app", "reviews", "--samples") as url, aiohttp.ClientSession(url) as client:
        await until_indexed(client)
        question = quote("What do people say about the battery life?")
        shots: list[dict[str, Any]] = [
            {"name": "reviews-overview", "path": "/apps/reviews", "height": 1000},
            {"name": "reviews-map", "path": "/apps/reviews/map"},
            {"name": "reviews-ask", "path": f"/apps/reviews/ask?q={question}", "waitMs": 8_000},
        ]
        return await pictures(url, folder, shots)


async def until_indexed(client: aiohttp.ClientSession) -> None:
    """Wait until all reviews can be searched, and the figures by day are there."""
    async with asyncio.timeout(INDEXED_S):
        while True:
            async with client.get("/v1/apps/reviews/overview") as answer:
                overview = await answer.json()
            totals = overview["totals"]
            if overview["days"] and 0 < totals["analysed"] == totals["indexed"]:
                return
            await asyncio.sleep(2.0)


async def pictures(url: str, folder: Path, shots: list[dict[str, Any]]) -> int:
    """Take pictures of a server's pages; gives 0 where all went well."""
    command = ("node", "measure/screenshots.mjs", url, str(folder), json.dumps(shots))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT / "web")
    return await process.wait()


@asynccontextmanager
async def server(home: str, *args: str) -> AsyncGenerator[str]:
    """`stretto up` in a folder; gives its address."""
    environment = {**os.environ, "STRETTO_HOME": home, "STRETTO_CONFIG": str(Path(home, "stretto.yaml"))}
    command = (sys.executable, "-m", "stretto.cli", "up", "--port", "0", *args)
    process = await asyncio.create_subprocess_exec(*command, cwd=home, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = None
        while found is None:  # what is read in before it is ready is told line by line
            told = (await asyncio.wait_for(process.stdout.readline(), MOST_S)).decode()
            found = re.search(r"ready at (http://\S+)", told)
            if not told:
                raise SystemExit("stretto up ended before it was ready")
        yield found[1]
    finally:
        process.terminate()
        await process.wait()


async def accepted(client: aiohttp.ClientSession, example: dict[str, Any]) -> str:
    """Start an example; gives the run's id."""
    body = {"flow": example["document"], "input": example["input"]}
    async with client.post("/v1/runs", json=body) as answer:
        answer.raise_for_status()
        return (await answer.json())["id"]


async def carried_out(client: aiohttp.ClientSession, example: dict[str, Any]) -> str:
    """Run an example until it ends, or waits for somebody."""
    run_id = await accepted(client, example)
    async with asyncio.timeout(MOST_S):
        while True:
            async with client.get(f"/v1/runs/{run_id}") as answer:
                if (await answer.json())["status"] in ENDED:
                    return run_id
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())

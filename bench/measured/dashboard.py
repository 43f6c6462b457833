"""The dashboard in a real browser: a run with fifty voices, and the first page on a slow machine."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import Any

import httpx

from bench.figures import STRETTO, Measurement
from bench.ground import ContenderFailed, Ground, new_home
from bench.machine import ROOT
from bench.rounds import figure, interleave
from bench.servers import Serving, serving, simulated, up

NAME = "dashboard"
VOICES = 50
TOKENS_PER_S = 50
SLOWER = 4
USUAL_PX, TALL_PX = 900, 3_400
WEB = ROOT / "web"
CHOIR = {
    "flow": "choir",
    "input": {"parts": {"type": "array", "items": {"type": "integer"}}},
    "agents": {"singer": {"model": "default", "prompt": "Write sixty long paragraphs about the number {{ item }}."}},
    "steps": {
        "choir": {
            "map": {"over": "{{ input.parts }}", "concurrency": VOICES},
            "steps": {"part": {"agent": "singer", "input": {"item": "{{ item }}"}}},
        }
    },
}


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Chromium without a graphics card, on the same two cores as the server."""
    rounds, seconds = (1, 4) if quick else (3, 15)
    frames = await interleave(rounds, {STRETTO: lambda: fifty_voices(seconds, USUAL_PX)})
    tall = await interleave(rounds, {STRETTO: lambda: fifty_voices(seconds, TALL_PX)})
    pages = await interleave(rounds if quick else 5, {STRETTO: first_page})
    return Measurement(
        name=NAME,
        title="The dashboard",
        what=(
            f"The page of a run while {VOICES} voices stream at {TOKENS_PER_S} tokens/s each, for {seconds} s: how often it paints in a window of "
            f"1440 × {USUAL_PX} pixels, in which some of the lines are in sight, and in one of {TALL_PX}, in which all are. Then the first page of a server that has just begun, in a browser of its own whose CPU is made {SLOWER} times slower and whose tab "
            "is open already, with an empty cache: until the list of runs can be used."
        ),
        figures=[
            figure(frames, "frames_per_s", "frames a second, fifty voices", "/s", "more", target=30),
            figure(frames, "gap_p95_ms", "between two frames, p95", "ms", "less"),
            figure(frames, "gap_max_ms", "between two frames, longest", "ms", "less"),
            figure(frames, "voices", "voices in sight", "", "more"),
            figure(tall, "frames_per_s", "frames a second, all lines in sight", "/s", "more"),
            figure(tall, "gap_p95_ms", "the same, between two frames, p95", "ms", "less"),
            figure(tall, "voices", "the same, voices in sight", "", "more"),
            figure(frames, "changes_per_s", "changes of a voice's line that were painted", "/s", "more"),
            figure(frames, "heap_mb", "memory of the page's script", "MB", "less"),
            figure(pages, "usable_ms", f"first page usable, CPU {SLOWER} times slower", "ms", "less", target=1000),
            figure(pages, "paint_ms", "the same, first paint", "ms", "less"),
            figure(pages, "script_kb", "script that the first page loads, compressed", "kB", "less", target=200),
        ],
        notes=[
            "Chromium paints in software here: there is no graphics card. Server, browser and simulated provider share two cores."
        ],
        simulated=["The model: the simulated provider."],
    )


async def fifty_voices(seconds: int, height_px: int) -> dict[str, float]:
    """What a run's page shows while all its voices stream."""
    home = new_home("stretto-bench-page-")
    try:
        tokens = TOKENS_PER_S * (seconds + 40)
        async with serving(simulated("--speed", str(TOKENS_PER_S), "--tokens", f"{tokens}-{tokens}")) as provider:
            config = home / "stretto.yaml"
            config.write_text(answered_at(provider.url))
            async with up(home, STRETTO_CONFIG=str(config)) as server:
                return await choir_on(server, seconds, height_px)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def answered_at(url: str) -> str:
    """A `stretto.yaml` in which a simulated provider at this address answers all."""
    return f"providers:\n  sim: {{dialect: openai, url: {url}}}\nroutes: {{default: [sim/small]}}\ndefault_route: default\n"


async def choir_on(server: Serving, seconds: int, height_px: int) -> dict[str, float]:
    """Start the choir, look at it, and end it."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        started = await client.post("/v1/runs", json={"flow": CHOIR, "input": {"parts": list(range(VOICES))}})
        started.raise_for_status()
        run = str(started.json()["id"])
        found = await look("frames.mjs", server, run, str(seconds), str(height_px))
        await client.post(f"/v1/runs/{run}/control", json={"command": "cancel"})
    return found


async def first_page() -> dict[str, float]:
    """How soon the first page can be used."""
    home = new_home("stretto-bench-page-")
    try:
        async with up(home) as server:
            return await look("first_page.mjs", server, str(SLOWER))
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def look(script: str, server: Serving, *words: str) -> dict[str, Any]:
    """What a script of `web/measure/` tells."""
    command = ("node", f"measure/{script}", server.url, *words)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=WEB, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 180)
    if process.returncode:
        raise ContenderFailed(f"{' '.join(command)} ended with {process.returncode}: {err.decode()[-2000:]}")
    return json.loads(out)

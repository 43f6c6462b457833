"""Minutes of streams through `stretto up`, with clients that leave and providers that fail: does anything grow?"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
from pathlib import Path
from typing import Any

from bench.figures import STRETTO, Figure, Measurement, Table, show
from bench.ground import Ground, new_home, run_apart
from bench.measured.proxy import config_text
from bench.rounds import say
from bench.servers import serving, simulated, up

NAME = "soak"
STREAMS = 200
TOKENS_PER_S = 50
EVERY_S = 5.0
FAULTS = ("cut=0.03", "status=0.03", "error=0.01", "unended=0.01", "stall=0.01", "malformed=0.01")
Sample = dict[str, float]


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Ten minutes; `quick` is one."""
    minutes = 1.0 if quick else 10.0
    slice_s = 60 * minutes / 5
    samples, told = await soak(ground, STREAMS, minutes * 60)
    before = [sample for sample in samples if slice_s <= sample["at"] < 2 * slice_s]
    after = [sample for sample in samples if 4 * slice_s <= sample["at"] < 5 * slice_s]
    say(", ".join(f"{key} {show(value)}" for key, value in told.items()))
    rows = [row_of(samples, minute, minutes / 10) for minute in range(10)]
    return Measurement(
        name=NAME,
        title="Streams without an end",
        what=(
            f"{STREAMS} streams at once at {TOKENS_PER_S} tokens/s each for {minutes:g} minutes through `/v1/chat/completions` "
            "of a running `stretto up`, to two providers (a server in another process). Calls take 2 to 7 s and begin anew; "
            "a tenth is left by its client in mid-answer; of the providers' answers "
            f"{', '.join(fault.replace('=', ' ') for fault in FAULTS)} (shares) fail in that way. The process is looked at every "
            f"{EVERY_S:g} s. The first fifth of the time is the warm-up; the last fifth is held against the second."
        ),
        figures=[
            growth("rss_mb", "memory (RSS) of the server, last fifth ÷ second fifth", before, after, target=1.05),
            growth("descriptors", "open descriptors, last fifth ÷ second fifth", before, after, target=1.05),
            growth("tasks", "tasks, last fifth ÷ second fifth", before, after, target=1.05),
        ],
        tables=[
            Table(title="Medians by time", columns=["minute", "RSS, MB", "descriptors", "tasks", "threads", "cores"], rows=rows),
            Table(
                title="What became of the calls, as clients saw it",
                columns=list(told),
                rows=[[show(value) for value in told.values()]],
            ),
        ],
        notes=[
            "“Lost” is a connection that ended before its answer did, “refused” a status other than 200. A stream that its "
            "provider broke before the first token went to the other provider; one that broke later cannot be taken back from "
            "an HTTP client, and ends with an error event: it counts as answered here.",
        ],
        simulated=["The providers: one simulated server (`stretto sim`), known under two names."],
    )  # fmt: skip


def growth(key: str, name: str, before: list[Sample], after: list[Sample], target: float) -> Figure:
    """The median of the later samples over that of the earlier ones."""
    ratio = middle(after, key) / middle(before, key)
    return Figure(name=name, unit="×", better="less", rounds={STRETTO: [ratio]}, target=target)


def middle(samples: list[Sample], key: str) -> float:
    """The median."""
    return statistics.median(sample[key] for sample in samples)


def row_of(samples: list[Sample], number: int, minutes: float) -> list[str]:
    """One tenth of the time, as a line of a table."""
    began, ended = number * minutes * 60, (number + 1) * minutes * 60
    these = [sample for sample in samples if began <= sample["at"] < ended]
    cells = [show(middle(these, key)) for key in ("rss_mb", "descriptors", "tasks", "threads")]
    cores = (these[-1]["cpu_s"] - these[0]["cpu_s"]) / max(0.1, these[-1]["at"] - these[0]["at"])
    return [f"{number * minutes:g}–{(number + 1) * minutes:g}", *cells, show(cores)]


async def soak(ground: Ground, streams: int, seconds: float) -> tuple[list[Sample], dict[str, float]]:
    """The samples of the server (`at` counts from the beginning of the load), and what its clients saw."""
    home = new_home("stretto-bench-soak-")
    try:
        config, file = home / "stretto.yaml", home / "samples.jsonl"
        options = [word for fault in FAULTS for word in ("--fault", fault)]
        every_s = min(EVERY_S, seconds / 60)
        watched = ("-m", "bench.contenders.watched_up", str(file), str(every_s))
        async with serving(simulated("--ttft", "0.2", "--speed", str(TOKENS_PER_S), *options)) as sim:
            config.write_text(config_text(sim.url, ("one", "two")))
            async with up(home, watched, STRETTO_CONFIG=str(config)) as server:
                began = await asyncio.to_thread(last_of, file)
                given = {"postmaster": 0, "base": f"{server.url}/v1", "streams": streams, "seconds": seconds}
                told: dict[str, Any] = await run_apart("soak_load:stream", given, {}, seconds + 90)
        samples = [json.loads(line) for line in file.read_text().splitlines()]
    finally:
        shutil.rmtree(home, ignore_errors=True)
    for sample in samples:
        sample["at"] -= began
    return samples, told


def last_of(file: Path) -> float:
    """When the latest sample was taken."""
    return float(json.loads(file.read_text().splitlines()[-1])["at"])

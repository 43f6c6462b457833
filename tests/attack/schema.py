"""Send what the OpenAPI document allows, and what it does not, to every route, and hold each answer against the document:
`python -m tests.attack.schema --requests 10000`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.attack.ground import prepared

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
LEFT_OUT = r"^/auth/|/stream$|/replay$"
"""Logging in leads to another server; streams have no end."""
KEY = "STRETTO_ATTACK_KEY"
HOOKS = str(Path(__file__).with_name("serializers.py"))
MOST_AT_ONCE = 2_000
"""So many requests are made before something is told of them."""
KNOWN_SHARE = 0.6
"""So often a path names something that is there."""


@dataclass
class Outcome:
    """What came of it: `requests` were made to `operations`; `failed` says why Schemathesis itself ended, `told` is its account."""

    requests: int = 0
    operations: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    failed: bool = False
    told: str = ""
    slowest: tuple[float, str] = (0.0, "")
    """How long the slowest answer of the last part took, in seconds, and what was asked. 10 s is the most."""


async def conform(
    requests: int,
    *,
    most_s: float = 3600.0,
    seed: int = 1,
    phases: str = "examples,coverage,fuzzing",
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """Make at least so many requests of a server of one's own, whose tenant has something of everything.

    What is counted by Schemathesis alone (examples, coverage: some 4,000 requests) comes first, whole; the rest in parts, after
    each of which `tell` hears how far it is. Raises TimeoutError when all takes longer than `most_s`."""
    async with prepared() as ground, asyncio.timeout(most_s):
        operations = operations_of((await ground.ask("GET", "/openapi.json")).json)
        outcome = Outcome(operations=operations)
        counted = ",".join(each for each in phases.split(",") if each != "fuzzing")
        while not outcome.failed and (counted or outcome.requests < requests):
            part, counted, began = counted or "fuzzing", "", time.monotonic()
            each = max(1, min(requests - outcome.requests, MOST_AT_ONCE) // operations)
            with tempfile.TemporaryDirectory(prefix="stretto-schema-") as folder:
                place = Path(folder)
                (place / "schemathesis.toml").write_text(configuration(ground.ids))
                command = [
                    *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(place / "schemathesis.toml")),
                    *("run", f"{ground.url}/openapi.json", "--checks", CHECKS, "--phases", part),
                    *("--exclude-path-regex", LEFT_OUT, "--max-examples", str(each), "--seed", str(seed)),
                    *("--request-timeout", "10", "--no-shrink", "--no-color"),
                    *("--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off"),
                    *("--report", "ndjson", "--report-ndjson-path", str(place / "told.ndjson")),
                ]
                outcome.failed, outcome.told = await called(command, folder, ground.victim["owner"])
                statuses, outcome.slowest = await asyncio.to_thread(answers_in, place / "told.ndjson")
            outcome.statuses += statuses
            outcome.requests = outcome.statuses.total()
            if tell is not None:
                took, what = outcome.slowest
                tell(
                    f"{part}: {outcome.requests:,} requests so far, these in {time.monotonic() - began:.0f} s; "
                    f"the slowest took {took:.1f} s: {what}"
                )
            seed += 1
        return outcome


def configuration(known: Mapping[str, Sequence[str]]) -> str:
    """Schemathesis' own file: who asks, and what paths may name."""
    lines = [f'headers = {{ Authorization = "Bearer ${{{KEY}}}" }}']
    lines += [f"dictionaries.{name}.values = {json.dumps(list(values))}" for name, values in known.items()]
    lines += [f'parameters."path.{name}" = {{ dictionary = "{name}", probability = {KNOWN_SHARE} }}' for name in known]
    return "\n".join(lines) + "\n"


async def called(command: Sequence[str], folder: str, key: str) -> tuple[bool, str]:
    """Whether it found anything, and its account."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | {KEY: key, "PYTHONWARNINGS": "ignore", "SCHEMATHESIS_HOOKS": HOOKS},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        told = (await process.communicate())[0].decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode != 0, told


def operations_of(document: Mapping[str, Any]) -> int:
    """How many operations are tried."""
    paths = cast("dict[str, dict[str, Any]]", document["paths"])
    return sum(len(each) for path, each in paths.items() if not re.search(LEFT_OUT, path))


def answers_in(report: Path) -> tuple[Counter[int], tuple[float, str]]:
    """How often each status was answered, and the slowest answer: seconds, and what was asked."""
    statuses, slowest = Counter[int](), (0.0, "")
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            if '"ScenarioFinished"' not in line[:100]:
                continue
            recorder = json.loads(line)["ScenarioFinished"]["recorder"]
            for interaction in recorder.get("interactions", {}).values():
                if (answer := interaction.get("response")) is not None:
                    statuses[int(answer["status_code"])] += 1
                    slowest = max(slowest, (float(answer["elapsed"]), str(recorder["label"])))
    return statuses, slowest


def main(words: Sequence[str] | None = None) -> int:
    """Try it, and tell what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--most-s", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(words)
    outcome = asyncio.run(
        conform(chosen.requests, most_s=chosen.most_s, seed=chosen.seed, tell=lambda told: print(told, flush=True))
    )
    print(outcome.told)
    print(
        f"{outcome.requests} requests to {outcome.operations} operations; answered {dict(sorted(outcome.statuses.items()))}"
    )
    return int(outcome.failed)


if __name__ == "__main__":
    raise SystemExit(main())

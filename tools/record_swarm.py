"""Record the swarm of the examples, in good weather and in bad, for `stretto replay`: `python tools/record_swarm.py [SCENE …]`.

Each recording is a real run on a server of its own, which is gone afterwards. Only the models are played, and every answer says
that it is simulated. What a name of this machine would stand in is named `worker/1`, `worker/2`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from stretto.engine.recording import recording_lines
from stretto.settings import Settings
from stretto.store.embedded import join
from stretto.stream import Row
from tests.postgres.swarm.recorded import FOLDER, SCENES

TOKEN_S = 0.03


def main(names: list[str]) -> int:
    """Record these scenes, or all."""
    if unknown := set(names) - set(SCENES):
        print(f"there is no scene {unknown.pop()!r}; there are {', '.join(SCENES)}", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name in names or SCENES:
        home = Path(tempfile.mkdtemp(prefix="stretto-record-"))
        home.chmod(0o755)  # PostgreSQL's account has to pass through
        member = join(home, remove_after=True)
        try:
            played = asyncio.run(SCENES[name](Settings(home=home), TOKEN_S))
        finally:
            member.leave()
        file = FOLDER / f"{name}.jsonl"
        with file.open("wb") as out:
            out.writelines(recording_lines(played.run.id, played.graph, unnamed(played.rows)))
        print(f"recorded {file.name}: {played.run.status}, {len(played.rows)} rows")
    return 0


def unnamed(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, with workers numbered instead of named."""
    workers: dict[str, str] = {}
    for row in rows:
        if row.kind == "RunClaimed":
            worker = str((row.body or {})["worker"])
            row = msgspec.structs.replace(
                row, body={"worker": workers.setdefault(worker, f"worker/{len(workers) + 1}")}
            )
        yield row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

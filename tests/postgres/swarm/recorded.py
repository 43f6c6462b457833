"""The recordings of the swarm that lie beside the examples, and what of a run must be the same whenever it is recorded anew."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from stretto.engine.recording import read_recording
from stretto.engine.rows import texts_of
from stretto.settings import Settings
from stretto.stream import Row
from stretto.stream.log import TEXT
from tests.postgres.swarm.scenes import Played, budget_spent, calm, conflicting_write, provider_down, worker_killed

FOLDER = Path(__file__).parents[3] / "examples" / "recordings"
Scene = Callable[[Settings, float], Coroutine[Any, Any, Played]]
SCENES: dict[str, Scene] = {
    "swarm": calm,
    "swarm-provider-down": provider_down,
    "swarm-conflicting-write": conflicting_write,
    "swarm-budget-spent": budget_spent,
    "swarm-worker-killed": worker_killed,
}
RACES = {"swarm-budget-spent", "swarm-worker-killed"}
"""Where it depends on the moment which attempt does what."""
OF_PROCESSES = {TEXT, "RunClaimed", "RunRested"}
CHANCE = frozenset({"call", "worker", "until_ms", "retry_in_s", "waited_s", "took_s", "version", "parent"})
"""Fields that differ each time: ids, names, times. (`version` is the flow's, and a document's.)"""


def check_recorded(name: str, played: Played) -> None:
    """The recording of this name shows what the scene does today."""
    anew = f"record it anew: python tools/record_swarm.py {name}"
    recording = read_recording(FOLDER / f"{name}.jsonl")
    assert recording.graph.digest == played.graph.digest, anew
    assert essence(recording.rows) == essence(played.rows), anew
    if name not in RACES:
        told, found = voices(recording.rows), voices(played.rows)
        assert {step: each for step, each in told.items() if found.get(step) != each} == {}, anew
        assert set(found) == set(told), anew


def voices(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """What each step did, in order, and its text in the end; under the empty name, what became of the run."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row.kind not in OF_PROCESSES:
            found.setdefault(row.step or "", []).append((row.kind, row.attempt, without_chance(row.body)))
    for step, text in texts_of(rows).items():
        found[step].append(text.slice(0))
    return found


def without_chance(value: Any) -> Any:
    """The value, without what differs each time."""
    if isinstance(value, dict):
        kept = ((key, each) for key, each in value.items() if key not in CHANCE)
        return {
            key: without_chance(each) for key, each in kept if key != "review" or isinstance(each, dict)
        }  # not its id
    return [without_chance(each) for each in value] if isinstance(value, list) else value


def essence(rows: Sequence[Row]) -> dict[str, Any]:
    """What must be the same even where another attempt did it: the plans, the decisions, and how the run ended."""
    plans = [(row.step, row.body) for row in rows if row.kind == "MapExpanded"]
    decisions = sorted((str(row.step), str(without_chance(row.body))) for row in rows if row.kind == "ReviewDecided")
    return {"plans": plans, "decisions": decisions, "end": (rows[-1].kind, without_chance(rows[-1].body))}

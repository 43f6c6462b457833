"""What a run has held is free when the run leaves the process, and what a turn has held when nothing can refer to it."""

from __future__ import annotations

import gc
from pathlib import Path

from stretto.engine.recording import read_recording
from stretto.engine.rows import facts_of
from stretto.flow.progress import Progress
from stretto.flow.scope import Frame, StepState

SWARM = Path(__file__).parents[3] / "examples" / "recordings" / "swarm.jsonl"


def held() -> int:
    """States of steps, and frames, that are in memory."""
    return sum(isinstance(each, (StepState, Frame)) for each in gc.get_objects())


def test_no_circle_is_left_of_a_run_of_several_turns() -> None:
    recording = read_recording(SWARM)
    facts = facts_of(recording.rows)
    gc.collect()
    gc.disable()  # what goes now goes without it
    try:
        before = held()
        progress = Progress(recording.graph, lambda _: "")
        progress.apply_all(facts)
        known = len(progress.states)
        assert 0 < known <= held() - before < 2 * known, "the first turn is gone"
        progress.let_go()
        assert held() == before
    finally:
        gc.enable()

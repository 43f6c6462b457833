"""Carrying flows out: journal, worker, timers, control, recovery, replay, fork."""

from stretto.engine.flows import Flows
from stretto.engine.fork import Edits, fork
from stretto.engine.runs import Runs
from stretto.engine.schedules import Schedules
from stretto.engine.step import Emitted, Handler, StepContext, StepResult
from stretto.engine.store import Run, Schedule
from stretto.engine.worker import Worker
from stretto.flow.facts import PersonAnswered

__all__ = [
    "Edits",
    "Emitted",
    "Flows",
    "Handler",
    "PersonAnswered",
    "Run",
    "Runs",
    "Schedule",
    "Schedules",
    "StepContext",
    "StepResult",
    "Worker",
    "fork",
]

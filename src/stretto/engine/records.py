"""What a journal says of each step beside its state: when it began and ended, and what it used. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from stretto.stream.log import Row


@dataclass(slots=True)
class Record:
    """What the journal says of one step beside its state."""

    attempts: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    note: str = ""
    by: str = ""


def records_of(rows: Sequence[Row]) -> dict[str, Record]:
    """What the rows say of each step, by its path."""
    records: dict[str, Record] = {}
    for row in rows:
        if row.step is None:
            continue
        record = records.setdefault(row.step, Record())
        body = row.body or {}
        match row.kind:
            case "StepStarted" | "WaitStarted":
                record.attempts = row.attempt or 1
                record.started, record.ended = record.started or row.at, None
            case "TurnStarted" | "BranchTaken" | "MapExpanded" | "FlowEntered":
                record.started = record.started or row.at
            case "StepCompleted":
                record.ended = row.at
                record.usage = cast("dict[str, Any]", body.get("usage") or {})
                record.note = str(body.get("note") or "")
            case "StepStopped":
                record.ended, record.by = row.at, str(body.get("by") or "")
            case "StepFailed":
                record.ended = row.at
            case "StepSkipped":
                record.note = str(body.get("reason") or "")
            case _:
                pass
    return records

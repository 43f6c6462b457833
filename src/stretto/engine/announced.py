"""Which facts the world is told of, as events: written to the outbox in the transaction of the facts.

What an event says is small and bounded: ids, names, a status, a message cut short, a cost; never a run's input or output. Its
type and its fields stand in the catalogue of the room `events`, which a test compares with what is written here. Its `traceparent`
is the run's trace (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from stretto.engine.trace_ids import traceparent_of
from stretto.store.acting import traceparent_now
from stretto.store.ids import new_id

if TYPE_CHECKING:
    from stretto.engine.journal import Append
    from stretto.engine.step import Emitted

MAX_MESSAGE_CHARS = 500
MAX_NAME_CHARS = 200
MAX_APP_DATA_BYTES = 65_536
"""Data of an `emit` step larger than this stay in the run; the event says that they were left out."""
_size = msgspec.json.Encoder().encode

Said = tuple[str, dict[str, Any]]


class Announcement(msgspec.Struct, omit_defaults=True):
    """An event as `put_events` reads it."""

    id: UUID
    type: str
    subject: str
    at: datetime
    data: Mapping[str, Any]
    traceparent: str | None = None


def announcements(appends: Sequence[Append]) -> list[Announcement]:
    """The events that these appends of one tenant make."""
    found: list[Announcement] = []
    for append in appends:
        emits = append.effects.emits if append.effects is not None else []
        for row in append.rows:
            say = _SAYINGS.get(row.kind)
            if say is None:
                continue
            if emits and row.kind in ("RunCompleted", "RunFailed", "RunCancelled"):
                found.extend(_emitted(append, each) for each in emits)  # the end of a run is the last that it tells
                emits = []
            if (said := say(row.step or "", row.body or {}, row.attempt)) is not None:
                found.append(_announce(append, row.at, *said))
        found.extend(_emitted(append, each) for each in emits)
    return found


def _announce(append: Append, at: datetime, type_: str, data: dict[str, Any]) -> Announcement:
    run_id = append.lease.run_id
    data = {"run_id": run_id, "flow": append.lease.flow, **data}
    if type_ in _OVER and append.effects is not None and append.effects.listing is not None:
        data["cost_usd"] = f"{append.effects.listing.cost_usd.normalize():f}"
        if append.effects.listing.memorable:
            data["memorable"] = True
    return Announcement(new_id(), type_, f"runs/{run_id}", at, data, traceparent_of(run_id))


def run_accepted(run_id: UUID, at: datetime, body: Mapping[str, Any], parent_id: UUID | None) -> Announcement:
    """A run was accepted; `body` has its flow, version and priority."""
    data = {"run_id": run_id, "flow": body["flow_name"], "version": body["flow_version"], "priority": body["priority"]}
    if parent_id is not None:
        data["parent_id"] = parent_id
    return Announcement(new_id(), "stretto.run.accepted", f"runs/{run_id}", at, data, traceparent_of(run_id))


def flow_saved(name: str, digest: str, at: datetime) -> Announcement:
    """A flow's document was stored as a new version; the query that stores it adds which."""
    data = {"flow": name, "digest": digest}
    return Announcement(new_id(), "stretto.flow.saved", f"flows/{name}", at, data, traceparent_now() or None)


def schedule_fired(name: str, flow: str, run_id: UUID, at: datetime) -> Announcement:
    """A schedule has started a run."""
    data = {"schedule": name, "flow": flow, "run_id": run_id}
    return Announcement(new_id(), "stretto.schedule.fired", f"schedules/{name}", at, data, traceparent_of(run_id))


def _cut(text: object, most: int = MAX_NAME_CHARS) -> str:
    text = str(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _emitted(append: Append, emitted: Emitted) -> Announcement:
    data: dict[str, Any] = {"name": _cut(emitted.name), "key": _cut(emitted.key)}
    data |= {"data": emitted.data} if len(_size(emitted.data)) <= MAX_APP_DATA_BYTES else {"omitted": True}
    return _announce(append, append.rows[-1].at, f"app.{data['name']}", data)


def _by(type_: str) -> Callable[[str, Mapping[str, Any], int | None], Said]:
    return lambda step, body, attempt: (type_, {"by": _cut(body.get("by", ""))})


def _run_failed(step: str, body: Mapping[str, Any], attempt: int | None) -> Said:
    # Here `step` is a field of the fact, not a column: the fact is one of the run.
    return "stretto.run.failed", {"step": body["step"], "message": _cut(body["error"], MAX_MESSAGE_CHARS)}


def _run_cancelled(step: str, body: Mapping[str, Any], attempt: int | None) -> Said:
    reason = _cut(body.get("reason", ""), MAX_MESSAGE_CHARS)
    return "stretto.run.cancelled", {"by": _cut(body.get("by", "")), "reason": reason}


def _step_failed(step: str, body: Mapping[str, Any], attempt: int | None) -> Said | None:
    if body.get("retry_in_s") is not None:
        return None  # it is tried again
    data = {
        "step": step,
        "attempt": attempt,
        "error": body.get("kind", "StepError"),
        "message": _cut(body["error"], MAX_MESSAGE_CHARS),
    }
    return "stretto.step.failed", data


_SAYINGS: Mapping[str, Callable[[str, Mapping[str, Any], int | None], Said | None]] = {
    "RunPaused": _by("stretto.run.paused"),
    "RunContinued": _by("stretto.run.resumed"),
    "RunRetried": _by("stretto.run.retried"),
    "RunCompleted": lambda step, body, attempt: ("stretto.run.completed", {}),
    "RunFailed": _run_failed,
    "RunCancelled": _run_cancelled,
    "StepFailed": _step_failed,
}
_OVER = frozenset({"stretto.run.completed", "stretto.run.failed", "stretto.run.cancelled"})

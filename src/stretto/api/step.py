"""One step of a run in full: what it was given, what its model was asked, what it gave, and what each call came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from stretto.agents import asked_of
from stretto.api.doors import RunsDoor, needs
from stretto.api.problems import fails
from stretto.api.steps import StepShown, shown
from stretto.engine.records import Record, records_of
from stretto.engine.rows import json_text
from stretto.errors import OutputInvalid, RunNotFound, StepNotFound
from stretto.flow.decide import input_of
from stretto.flow.graph import AgentCall, FlowCall, JudgeCall
from stretto.flow.progress import Progress
from stretto.flow.scope import StepState, value_of
from stretto.gateway.provider import Image, Message
from stretto.stream.log import Row

router = APIRouter(prefix="/v1/runs", tags=["runs"])

MOST_CHARS = 65_536
"""So much of one value is shown."""
MOST_CHARS_TOGETHER = 1_048_576
"""So much of all values of a step together."""
MOST_LISTED = 200
"""So many of the latest calls, tools, failures and messages."""


class MessageShown(BaseModel):
    """A message as the model got it. `calls` are the tools that the model asked for in it; `call` is the call that it answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: list[dict[str, str]] = []
    call: str | None = None


class CallShown(BaseModel):
    """What was decided about a call of a model, and what it came to. `cost_usd` is decimal text."""

    at: datetime
    attempt: int
    route: str
    outcome: str
    reason: str
    deployment: str
    provider: str
    model: str
    tokens: dict[str, int]
    simulated: bool
    cost_usd: str
    cached: str
    waited_s: float
    error: str


class ToolShown(BaseModel):
    """A tool that an agent called. `arguments` is JSON text as the model wrote it; `error` says why the call gave nothing."""

    at: datetime
    attempt: int
    turn: int
    tool: str
    arguments: str
    output: Any
    error: str
    took_s: float


class FailureShown(BaseModel):
    """An attempt that failed; `retry_in_s` null: it was the last."""

    at: datetime
    attempt: int
    error: str
    retry_in_s: float | None


class StepDetail(StepShown):
    """A step in full. What it does not have, or not yet, is null.

    `input` and `prompt` are rendered again from the flow's document and the run's facts. `output` is null where `is_text` says
    that the output is the text in the stream. Of long values the beginning is shown, as text; `cut` names them by JSON pointers.
    """

    seq: int = Field(description="The row of the journal up to which this tells.")
    agent: str | None
    tool: str | None
    flow: str | None
    note: str
    input: dict[str, Any] | None
    prompt: list[MessageShown] | None
    output: Any
    is_text: bool
    calls: list[CallShown]
    tools: list[ToolShown]
    failures: list[FailureShown]
    feedback: list[str]
    cut: list[str]


@dataclass(slots=True)
class _Bounds:
    """Keeps values, and all of them together, below the limits."""

    left: int = MOST_CHARS_TOGETHER
    cut: list[str] = field(default_factory=list[str])

    def text(self, pointer: str, text: str) -> str:
        most = min(MOST_CHARS, self.left)
        self.left -= min(len(text), most)
        if len(text) <= most:
            return text
        self.cut.append(pointer)
        return text[:most]

    def value(self, pointer: str, value: Any) -> Any:
        """The value, or the beginning of its JSON."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(pointer, value)
        written = json_text(value)
        kept = self.text(pointer, written)
        return value if len(kept) == len(written) else kept

    def fields(self, pointer: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """A mapping whose values are kept one by one."""
        return {name: self.value(f"{pointer}/{_escaped(name)}", each) for name, each in value.items()}


@router.get(
    "/{run_id}/steps/{step:path}", responses=fails(RunNotFound, StepNotFound), dependencies=[needs("runs:read")]
)
async def get_step(run_id: UUID, step: str, runs: RunsDoor) -> StepDetail:
    """One step in full: its input, what its model was asked, its output, its calls, tools, failures and feedback."""
    rows = await runs.journal(run_id)
    progress = await runs.progress_of(rows)
    state = progress.state(step)
    if state is None:
        raise StepNotFound(
            f"Run {run_id} has no step {step!r}, or has not come to it yet. `GET /v1/runs/{run_id}/steps` lists its steps."
        )
    own = [row for row in rows if row.step == step]
    return _detail(progress, state, own, records_of(own).get(step) or Record(), rows[-1].seq)


def _detail(progress: Progress, state: StepState, own: list[Row], record: Record, seq: int) -> StepDetail:
    call, bounds = state.step.call, _Bounds()
    given = _given(progress, state)
    output, is_text = _output(progress, state)
    return StepDetail(
        **shown(state, record).model_dump(),
        seq=seq,
        agent=call.agent if isinstance(call, AgentCall | JudgeCall) else None,
        tool=getattr(call, "tool", None),
        flow=call.flow if isinstance(call, FlowCall) else None,
        note=record.note,
        input=None if given is None else bounds.fields("/input", given),
        output=bounds.value("/output", output),
        is_text=is_text,
        prompt=None if given is None else _prompt(progress, state, given, bounds),
        calls=[_call(row) for row in _latest(own, "CallDecided")],
        tools=_tools(own, bounds),
        failures=[_failure(row, bounds, n) for n, row in enumerate(_latest(own, "StepFailed"))],
        feedback=[bounds.text(f"/feedback/{n}", text) for n, text in enumerate(state.feedback[-MOST_LISTED:])],
        cut=bounds.cut,
    )


def _given(progress: Progress, state: StepState) -> dict[str, Any] | None:
    if isinstance(state.step.call, FlowCall):
        return None if not state.frames else dict(state.frames[0].input)
    if state.status == "pending":
        return None
    try:
        return input_of(progress, state)
    except OutputInvalid:  # of a step that reads a stream, only the items can say
        return None


def _prompt(
    progress: Progress, state: StepState, given: Mapping[str, Any], bounds: _Bounds
) -> list[MessageShown] | None:
    if state.is_reader or state.status == "skipped":
        return None
    text = progress.text_of(state.path)
    try:
        messages = asked_of(state.frame.graph, state.step, given, state.history, text, state.feedback)
    except OutputInvalid:
        return None
    kept = messages[:2] + messages[2:][-MOST_LISTED:]
    return [_message(each, bounds, n) for n, each in enumerate(kept)] or None


def _message(message: Message, bounds: _Bounds, n: int) -> MessageShown:
    images = 0 if isinstance(message.content, str) else sum(isinstance(part, Image) for part in message.content)
    return MessageShown(
        role=message.role,
        content=bounds.text(f"/prompt/{n}/content", message.text + " [image]" * images),
        calls=[
            {
                "id": each.id,
                "name": each.name,
                "arguments": bounds.text(f"/prompt/{n}/calls/{m}/arguments", each.arguments),
            }
            for m, each in enumerate(message.tool_calls)
        ],
        call=message.tool_call_id or None,
    )


def _output(progress: Progress, state: StepState) -> tuple[Any, bool]:
    """The step's value, and whether it is its text, which stands in the stream."""
    if state.status == "stopped" or (state.status == "completed" and state.of == "text"):
        return None, True
    try:
        return value_of(state, progress.text_of), False
    except OutputInvalid:
        return None, False


def _call(row: Row) -> CallShown:
    body = cast("Mapping[str, Any]", row.body or {})
    usage = cast("Mapping[str, Any]", body.get("usage", {}))
    tokens = {name: count for name, count in usage.items() if isinstance(count, int) and not isinstance(count, bool)}
    texts = ("route", "outcome", "reason", "deployment", "provider", "model", "cached", "error")
    return CallShown(
        at=row.at,
        attempt=row.attempt or 1,
        tokens=tokens,
        simulated=bool(usage.get("simulated")),
        cost_usd=str(body.get("cost_usd", "0")),
        waited_s=float(body.get("waited_s", 0)),
        **{name: str(body.get(name, ""))[:4_000] for name in texts},
    )


def _tools(own: Iterable[Row], bounds: _Bounds) -> list[ToolShown]:
    asked: dict[tuple[Any, Any], str] = {}
    rows: list[Row] = []
    for row in own:
        body = cast("Mapping[str, Any]", row.body or {})
        if row.kind == "ModelAnswered":
            asked.update({(body["turn"], each["id"]): each["arguments"] for each in body["calls"]})
        elif row.kind == "ToolCalled":
            rows.append(row)
    return [_tool(row, asked, bounds, n) for n, row in enumerate(rows[-MOST_LISTED:])]


def _tool(row: Row, asked: Mapping[tuple[Any, Any], str], bounds: _Bounds, n: int) -> ToolShown:
    body = cast("Mapping[str, Any]", row.body or {})
    return ToolShown(
        at=row.at,
        attempt=row.attempt or 1,
        turn=body["turn"],
        tool=body["tool"],
        arguments=bounds.text(f"/tools/{n}/arguments", asked.get((body["turn"], body["call"]), "")),
        output=bounds.value(f"/tools/{n}/output", body.get("output")),
        error=bounds.text(f"/tools/{n}/error", body.get("error", "")),
        took_s=body.get("took_s", 0.0),
    )


def _failure(row: Row, bounds: _Bounds, n: int) -> FailureShown:
    body = cast("Mapping[str, Any]", row.body or {})
    return FailureShown(
        at=row.at,
        attempt=row.attempt or 1,
        error=bounds.text(f"/failures/{n}/error", body["error"]),
        retry_in_s=body.get("retry_in_s"),
    )


def _latest(own: Iterable[Row], kind: str) -> list[Row]:
    return [row for row in own if row.kind == kind][-MOST_LISTED:]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")

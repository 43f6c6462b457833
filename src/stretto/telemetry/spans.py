"""A run's trace, made from its facts alone: whoever ends the run makes the same spans, so a crash loses none that the facts know.

Names and attributes follow OpenTelemetry's semantic conventions for generative AI systems (`invoke_workflow`, `invoke_agent`,
`chat`, `execute_tool`). Ids are digests of the run, the path, the attempt and the call: every process makes the same, and a
sampler that reads an id's low bits finds them random.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from stretto.engine.trace_ids import span_id_of
from stretto.flow.graph import AgentCall, JudgeCall, Step, ToolCall
from stretto.store.ids import made_at
from stretto.stream.log import Row

ENDS = frozenset(
    {
        "StepCompleted",
        "StepFailed",
        "StepStopped",
        "StepSteered",
        "StepDeferred",
        "StepRested",
        "StepDropped",
        "StepSkipped",
    }
)
OVER = frozenset({"RunCompleted", "RunFailed", "RunCancelled"})
MOST_TEXT = 2_000
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

StepOf = Callable[[str], Step | None]
Value = str | int | float | bool


@dataclass(slots=True)
class Span:
    """A span, before it is given to an exporter. Times are UTC; `link` is a `traceparent`."""

    id: int
    parent: int | None
    name: str
    start: datetime
    end: datetime
    kind: str = "internal"
    attributes: dict[str, Value] = field(default_factory=dict[str, Value])
    error: str = ""
    link: str = ""


def spans_of(
    tenant_id: UUID, run_id: UUID, rows: Sequence[Row], step_of: StepOf, *, content: bool = False
) -> list[Span]:
    """The spans of a run that is over; the first one is the run itself. `content`: with inputs and outputs."""
    return list(_Maker(tenant_id, run_id, rows, step_of, content).make())


class _Maker:
    """Goes through the facts once."""

    def __init__(self, tenant_id: UUID, run_id: UUID, rows: Sequence[Row], step_of: StepOf, content: bool) -> None:
        self._run_id = run_id
        self._rows = rows
        self._step_of = step_of
        self._content = content
        accepted = rows[0].body or {}
        flow = str(accepted.get("flow", ""))
        self._root = Span(
            span_id_of(run_id, "run"),
            None,
            f"invoke_workflow {flow}",
            rows[0].at,
            rows[-1].at,
            attributes={
                "gen_ai.operation.name": "invoke_workflow",
                "gen_ai.workflow.name": flow,
                "gen_ai.conversation.id": str(run_id),
                "stretto.run.id": str(run_id),
                "stretto.tenant.id": str(tenant_id),
                "stretto.flow.version": int(str(accepted.get("version", 0))),
            },
            link=str(accepted.get("traceparent") or ""),
        )
        self._open: dict[str, Span] = {}
        self._nodes: dict[str, dict[str, Span]] = {}
        self._latest: dict[str, Span] = {}
        self._waiting: set[str] = set()
        self._cost = 0.0
        self._tokens = [0, 0]

    def make(self) -> Iterator[Span]:
        found: list[Span] = []
        for row in self._rows:
            found += self._take(row)
        for path, span in self._open.items():
            span.end = self._rows[-1].at
            found += [span, *self._cut_nodes(path, span.end)]
        self._root.attributes |= {
            "gen_ai.usage.input_tokens": self._tokens[0],
            "gen_ai.usage.output_tokens": self._tokens[1],
            "stretto.cost_usd": round(self._cost, 9),
        }
        yield self._root
        yield from found

    def _take(self, row: Row) -> list[Span]:
        body = row.body or {}
        if row.kind == "RunClaimed":
            return self._interrupt(row)
        if row.kind in OVER:
            self._root.end = row.at
            self._root.error = str(body.get("error", "")) if row.kind == "RunFailed" else ""
            self._root.attributes["stretto.run.outcome"] = row.kind.removeprefix("Run").lower()
            return []
        path = row.step
        if path is None:
            return []
        if row.kind == "StepStarted":
            self._open[path] = self._latest[path] = self._begin(row, path, int(str(body.get("attempt", 1))))
        elif row.kind == "WaitStarted":
            self._waiting.add(path)
        elif row.kind == "CallDecided":
            return [self._call(row, path, body)]
        elif row.kind == "ToolCalled":
            return [self._tool(row, path, body)]
        elif row.kind == "NodeStarted":
            self._nodes.setdefault(path, {})[str(body["task"])] = self._node(row, path, body)
        elif row.kind == "NodeEnded":
            return [self._end_node(row, path, body)]
        elif row.kind in ENDS and path in self._open:
            return [self._end(row, path, body), *self._cut_nodes(path, row.at)]
        return []

    def _begin(self, row: Row, path: str, attempt: int) -> Span:
        step = self._step_of(path)
        name, attributes = described(step, path)
        attributes |= {"stretto.step": path, "stretto.attempt": attempt}
        return Span(
            span_id_of(self._run_id, path, row.seq), self._parent(path), name, row.at, row.at, attributes=attributes
        )

    def _parent(self, path: str) -> int:
        """The span of the step that this one stands inside of; else the run's."""
        while path:
            path = path[: path.rindex("[")] if path.endswith("]") else path.rpartition(".")[0]
            if path in self._latest:
                return self._latest[path].id
        return self._root.id

    def _end(self, row: Row, path: str, body: Mapping[str, Any]) -> Span:
        span = self._open.pop(path)
        self._waiting.discard(path)
        span.end = row.at
        if row.kind == "StepFailed":
            span.error = str(body.get("error", ""))
            span.attributes["error.type"] = str(body.get("kind", "StepError"))
        elif row.kind != "StepCompleted":
            span.attributes["stretto.step.outcome"] = row.kind.removeprefix("Step").lower()
        if self._content and isinstance(output := body.get("output"), str | int | float):
            span.attributes["gen_ai.output.messages"] = str(output)[:MOST_TEXT]
        return span

    def _interrupt(self, row: Row) -> list[Span]:
        """What was at work when another worker took the run was cut off; what waits goes on waiting."""
        cut = [path for path in self._open if path not in self._waiting and not self._holds_others(path)]
        found = [self._open.pop(path) for path in cut]
        for span in found:
            span.end = row.at
            span.error = "the process that did this step ended"
            span.attributes["error.type"] = "interrupted"
        for span in (nodes := [span for path in cut for span in self._cut_nodes(path, row.at)]):
            span.error = "the process that did this node ended"
            span.attributes["error.type"] = "interrupted"
        return found + nodes

    def _holds_others(self, path: str) -> bool:
        step = self._step_of(path)
        return step is not None and not isinstance(step.call, AgentCall | JudgeCall | ToolCall)

    def _tool(self, row: Row, path: str, body: Mapping[str, Any]) -> Span:
        """A tool that an agent called in one of its turns."""
        tool, call, turn = str(body["tool"]), str(body["call"]), int(body["turn"])
        over = self._open.get(path) or self._latest.get(path)
        span = Span(
            span_id_of(self._run_id, path, f"tool {turn} {call}"),
            self._root.id if over is None else over.id,
            f"execute_tool {tool}",
            row.at - timedelta(seconds=float(body.get("took_s", 0))),
            row.at,
            attributes={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool,
                "gen_ai.tool.call.id": call,
                "stretto.step": path,
                "stretto.turn": turn,
            },
            error=str(body.get("error", "")),
        )
        if span.error:
            span.attributes["error.type"] = "tool_error"
        if self._content and body.get("output") is not None:
            span.attributes["gen_ai.tool.call.result"] = str(body["output"])[:MOST_TEXT]
        return span

    def _node(self, row: Row, path: str, body: Mapping[str, Any]) -> Span:
        """A node of a graph that the step hosts. The conventions know no part of a workflow but agents and tools, so it has
        a name of its own."""
        over = self._open.get(path) or self._latest.get(path)
        node, inside = str(body["node"]), str(body.get("inside", ""))
        return Span(
            span_id_of(self._run_id, path, "node", row.seq),
            self._root.id if over is None else over.id,
            f"node {inside}/{node}" if inside else f"node {node}",
            row.at,
            row.at,
            attributes={"stretto.step": path, "stretto.node": node, "stretto.node.inside": inside},
        )

    def _end_node(self, row: Row, path: str, body: Mapping[str, Any]) -> Span:
        span = self._nodes.get(path, {}).pop(str(body["task"]), None)
        if span is None:  # its beginning was passed over: too many others had been told of
            span = self._node(row, path, body)
            span.start = row.at - timedelta(seconds=float(body.get("took_s", 0)))
        span.end = row.at
        span.error = str(body.get("error", ""))
        if span.error:
            span.attributes["error.type"] = "node_error"
        if (outcome := body.get("outcome")) in ("interrupted", "cut_off"):
            span.attributes["stretto.node.outcome"] = str(outcome)
        return span

    def _cut_nodes(self, path: str, at: datetime) -> list[Span]:
        """The nodes that were at work when the step's attempt ended."""
        found = list(self._nodes.pop(path, {}).values())
        for span in found:
            span.end = at
            span.attributes["stretto.node.outcome"] = "cut_off"
        return found

    def _call(self, row: Row, path: str, body: Mapping[str, Any]) -> Span:
        usage: Mapping[str, Any] = body.get("usage") or {}
        call, model = UUID(str(body["call"])), str(body.get("model") or body.get("route"))
        cost, tokens = (
            float(body.get("cost_usd", 0)),
            (int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0))),
        )
        self._cost += cost
        self._tokens = [self._tokens[0] + tokens[0], self._tokens[1] + tokens[1]]
        over = self._open.get(path) or self._latest.get(path)
        span = Span(
            span_id_of(self._run_id, "call", call),
            self._root.id if over is None else over.id,
            f"chat {model}",
            min(made_at(call), row.at),
            row.at,
            "client",
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": str(body.get("provider") or "unknown"),
                "gen_ai.request.model": str(body.get("route", "")),
                "gen_ai.response.model": model,
                "gen_ai.response.id": str(call),
                "gen_ai.usage.input_tokens": tokens[0],
                "gen_ai.usage.output_tokens": tokens[1],
                "stretto.cost_usd": cost,
                "stretto.admission.outcome": str(body.get("outcome", "")),
                "stretto.admission.waited_s": float(body.get("waited_s", 0)),
                "stretto.simulated": bool(usage.get("simulated", False)),
            },
            error=str(body.get("error", "")),
        )
        if span.error:
            span.attributes["error.type"] = str(body.get("error_kind") or "ModelError")
        return span


def described(step: Step | None, path: str) -> tuple[str, dict[str, Value]]:
    """The name of a step's span, and what tells of its kind."""
    match None if step is None else step.call:
        case AgentCall(agent=agent) | JudgeCall(agent=agent):
            return f"invoke_agent {agent}", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent}
        case ToolCall(tool=tool):
            return f"execute_tool {tool}", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        case _:
            kind = "step" if step is None else step.kind
            return f"{kind} {path}", {"stretto.step.kind": kind}

"""`model: "flow:NAME"`: a run of a flow as an answer. The run is durable: it goes on when its client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import orjson

from stretto.api.body import misfits
from stretto.api.openai.answering import DoorSink
from stretto.api.openai.flow_output import Part, parts_of
from stretto.engine import Runs
from stretto.engine.store import RunStore
from stretto.errors import FlowNotFound, InputInvalid, StepError, StrettoError
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.gateway.provider import Completion, Message, TokenCounts
from stretto.stream import EndEvent, FactEvent, RetractEvent, TextEvent

PREFIX = "flow:"
SLICE_CHARS = 8_192
"""So much text is given at once."""

ENDED = frozenset({"StepCompleted", "StepStopped", "StepSkipped"})


@dataclass(frozen=True, slots=True)
class FlowCall:
    """What a caller wants of a flow. `input` is the body's field of that name."""

    name: str
    messages: Sequence[Message]
    input: object = None
    priority: int | None = None
    idempotency_key: str | None = None


async def start_flow(runs: Runs, call: FlowCall) -> FlowAnswer:
    """Start the latest version of a flow. Raises `FlowNotFound` or `InputInvalid`."""
    named = "\0" not in call.name  # PostgreSQL refuses such a text
    found = await RunStore(runs.database).flow(runs.tenant_id, call.name) if named else None
    if found is None:
        raise FlowNotFound(f"There is no flow named {call.name!r}. `GET /v1/models` lists them as flow:NAME.")
    graph = await asyncio.to_thread(compile_document, found[1])
    given = input_of(graph, call)
    if misfits(given, orjson.dumps(given)):
        raise InputInvalid("The input holds the character U+0000, or is nested too deep. Mend it and send it again.")
    run_id = await runs.start(graph, given, priority=call.priority, idempotency_key=call.idempotency_key)
    return FlowAnswer(runs, run_id, graph)


def input_of(graph: Graph, call: FlowCall) -> dict[str, Any]:
    """What the run is given. Raises `InputInvalid` that tells what the flow takes."""
    given = call.input
    if given is not None:
        if not isinstance(given, dict):
            raise InputInvalid(f"`input` is no JSON object. {takes(graph)}")
        return cast("dict[str, Any]", given)
    properties: Mapping[str, Mapping[str, Any]] = graph.input_schema["properties"]
    if not properties:
        return {}
    text = next((message.text for message in reversed(call.messages) if message.role == "user"), "")
    value = as_object(text)
    if value is not None and value.keys() <= properties.keys():
        return value
    needed = [name for name, schema in properties.items() if "default" not in schema] or list(properties)
    if len(needed) == 1 and properties[needed[0]].get("type") == "string":
        return {needed[0]: text}
    raise InputInvalid(
        f"The last user message is not the input that the flow `{graph.name}` needs. {takes(graph)} "
        "Send them as one JSON object, in that message or in the body's field `input`."
    )


def as_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None when it is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def takes(graph: Graph) -> str:
    """A sentence on the flow's inputs."""
    properties: Mapping[str, Mapping[str, Any]] = graph.input_schema["properties"]
    told = [
        f"`{name}` ({schema.get('type', 'any value')}{', may be left out' if 'default' in schema else ''})"
        for name, schema in properties.items()
    ]
    return f"Its inputs are: {', '.join(told)}." if told else "It takes no input."


@dataclass(slots=True)
class FlowAnswer:
    """A run whose output is the answer. Give it a sink, and it gives the output while it is written."""

    runs: Runs
    run_id: UUID
    graph: Graph
    _parts: list[Part] = field(init=False)
    _texts: dict[str, str] = field(init=False)
    _ended: set[str] = field(default_factory=set[str])
    _at: int = 0
    """The part that is being given."""
    _given: int = 0
    """Characters of that part that were given."""
    _tokens: TokenCounts = field(default_factory=TokenCounts)
    _cost_usd: Decimal = Decimal(0)
    _simulated: bool = False

    def __post_init__(self) -> None:
        self._parts = parts_of(self.graph)
        self._texts = {part.path: "" for part in self._parts if part.path}

    async def __call__(self, sink: DoorSink) -> Completion:
        """Follow the run to its end. Raises `StepError` that names the run when it gives no output, or took back what was sent."""
        over = False
        async with aclosing(self.runs.follow(self.run_id)) as events:
            async for event in events:
                match event:
                    case TextEvent() if event.step in self._texts:
                        self._texts[event.step] += event.text
                        await self._advance(sink)
                    case RetractEvent() if event.step in self._texts:
                        await self._take_back(event, sink)
                    case FactEvent():
                        self._count(event)
                        if event.name in ENDED and event.step in self._texts:
                            self._ended.add(event.step)
                            await self._advance(sink)
                    case EndEvent():
                        over = True
                    case _:
                        pass
        if not over:
            raise StrettoError(
                f"The server is being stopped; run {self.run_id} goes on. `GET /v1/runs/{self.run_id}` tells how."
            )
        await self._finish(sink)
        return Completion(
            model=f"{PREFIX}{self.graph.name}",
            provider="stretto",
            tokens=self._tokens,
            cost_usd=self._cost_usd,
            simulated=self._simulated,
        )

    async def _advance(self, sink: DoorSink) -> None:
        """Give what can be given now."""
        while self._at < len(self._parts):
            part = self._parts[self._at]
            text = part.text or self._texts[part.path]
            await give(sink, text[self._given :])
            self._given = len(text)
            if part.path and part.path not in self._ended:
                return
            self._at += 1
            self._given = 0

    async def _take_back(self, event: RetractEvent, sink: DoorSink) -> None:
        step = event.step
        self._ended.discard(step)
        self._texts[step] = self._texts[step][: event.from_offset]
        place = next(at for at, part in enumerate(self._parts) if part.path == step)
        if place > self._at or (place == self._at and self._given <= event.from_offset):
            return
        self._start_over(sink, f"took back what step {step!r} had written ({event.reason})")
        await self._advance(sink)

    def _start_over(self, sink: DoorSink, what: str) -> None:
        if not sink.retract(what):
            raise StepError(
                f"Run {self.run_id} {what}, and this protocol cannot. The run goes on: `GET /v1/runs/{self.run_id}` "
                "gives its output, and its `/stream` can take text back.",
                run_id=self.run_id,
            )
        self._at = self._given = 0

    async def _finish(self, sink: DoorSink) -> None:
        run = await self.runs.get(self.run_id)
        if run.status != "completed":
            why = cast("Mapping[str, Any] | None", run.error)
            told = f" at step {why.get('step')!r}: {why.get('error')}" if why else "."
            raise StepError(f"Run {self.run_id} of the flow {self.graph.name!r} {run.status}{told}", run_id=self.run_id)
        output = text_of(run.output)
        given = self._all_given()
        if not output.startswith(given):
            self._start_over(sink, "ended with another output than it had written")
            given = ""
        await give(sink, output[len(given) :])

    def _all_given(self) -> str:
        parts = [part.text or self._texts[part.path] for part in self._parts[: self._at + 1]]
        if self._at < len(self._parts):
            parts[-1] = parts[-1][: self._given]
        return "".join(parts)

    def _count(self, event: FactEvent) -> None:
        """Add what a call of the run came to."""
        if event.name != "CallDecided":
            return
        usage = cast("Mapping[str, Any]", event.data.get("usage") or {})
        cached, written = int(usage.get("cached_input_tokens", 0)), int(usage.get("cache_write_tokens", 0))
        self._tokens = self._tokens.plus(
            TokenCounts(
                input=int(usage.get("input_tokens", 0)) - cached - written,
                cached_input=cached,
                cache_write=written,
                output=int(usage.get("output_tokens", 0)),
                reasoning=int(usage.get("reasoning_tokens", 0)),
            )
        )
        self._cost_usd += Decimal(str(event.data.get("cost_usd", "0")))
        self._simulated = self._simulated or bool(usage.get("simulated"))


async def give(sink: DoorSink, text: str) -> None:
    """Give text in slices, as fast as it is taken."""
    for start in range(0, len(text), SLICE_CHARS):
        sink.write([text[start : start + SLICE_CHARS]])
        await sink.drain()


def text_of(output: Any) -> str:
    """A run's output as text: as it is, or as JSON."""
    if output is None:
        return ""
    return output if isinstance(output, str) else orjson.dumps(output).decode()

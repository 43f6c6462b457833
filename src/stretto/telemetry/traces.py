"""Traces on their way to a collector: made when a run ends, exported in a thread, bounded, and never in anybody's way.

Loaded only where OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set; the exporter reads the other OTEL_… variables.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from stretto.engine.journal import Append
from stretto.engine.rows import facts_of
from stretto.engine.store import RunStore
from stretto.engine.trace_ids import span_id_of, trace_id_of
from stretto.errors import StrettoError
from stretto.flow.compile import compile_document
from stretto.flow.graph import Step
from stretto.flow.progress import Progress
from stretto.gateway.calls import Call
from stretto.store import Database
from stretto.store.ids import made_at
from stretto.stream.log import Row
from stretto.telemetry.redaction import redact_field
from stretto.telemetry.spans import OVER, TRACEPARENT, Span, spans_of
from stretto.telemetry.store import FiguresStore

log = structlog.get_logger(__name__)

MOST_WAITING = 2_000
MOST_FACTS = 20_000
"""Facts that one trace is made from; a longer run's trace has its beginning only."""
BATCH = 512
CLOSE_S = 5.0
COMPLAIN_EVERY_S = 60.0
KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER}
SCOPE = InstrumentationScope("stretto")

Ended = tuple[UUID, UUID]
Loose = tuple[int, Span]


class Traces:
    """Exports the traces of runs that end in this process, and the spans of its requests."""

    def __init__(self, database: Database, *, content: bool = False, ratio: float = 1.0) -> None:
        self._store = FiguresStore(database)
        self._database = database
        self._content = content
        self._most_id = int(ratio * 2**64)
        self._exporter = OTLPSpanExporter()
        self._resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "stretto")})
        self._waiting: asyncio.Queue[Ended | Loose] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._complained_at = -COMPLAIN_EVERY_S
        self.dropped = 0

    def start(self) -> None:
        """Begin to export."""
        self._task = asyncio.get_running_loop().create_task(self._work(), name="traces")

    async def close(self) -> None:
        """Export what waits, for five seconds at most."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._waiting.join()
        except TimeoutError:
            log.warning("left traces behind that no collector took in time", waiting=self._waiting.qsize())
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._exporter.shutdown)

    def on_committed(self, batch: Sequence[Append]) -> None:
        """Remember the runs that have ended with these rows."""
        for append in batch:
            if append.rows and append.rows[-1].kind in OVER:
                self._put((append.lease.tenant_id, append.lease.run_id))

    def on_call(self, call: Call, traceparent: str) -> None:
        """A call that no run made becomes a span of the request that made it."""
        found = TRACEPARENT.fullmatch(traceparent)
        if found is None or call.caller.run_id is not None:
            return
        name = "embeddings" if call.kind == "embeddings" else "chat"
        start = made_at(call.id)
        span = Span(
            span_id_of(call.id, "call"),
            int(found[2], 16),
            f"{name} {call.model or call.route}",
            start,
            call.at,
            "client",
            attributes={
                "gen_ai.operation.name": name,
                "gen_ai.provider.name": call.provider or "unknown",
                "gen_ai.request.model": call.route,
                "gen_ai.response.model": call.model,
                "gen_ai.usage.input_tokens": call.tokens.all_input,
                "gen_ai.usage.output_tokens": call.tokens.output,
                "stretto.cost_usd": float(call.cost_usd),
                "stretto.admission.outcome": call.outcome,
                "stretto.simulated": call.simulated,
            },
            error=call.error,
        )
        self._put((int(found[1], 16), span))

    def on_request(self, traceparent: str, parent: int | None, span: Span) -> None:
        """A request that was answered; its ids are those of `traceparent`."""
        found = TRACEPARENT.fullmatch(traceparent)
        if found is not None:
            span.id, span.parent = int(found[2], 16), parent
            self._put((int(found[1], 16), span))

    def _put(self, item: Ended | Loose) -> None:
        try:
            self._waiting.put_nowait(item)
        except asyncio.QueueFull:
            self.dropped += 1

    async def _work(self) -> None:
        while True:
            taken = [await self._waiting.get()]
            while len(taken) < BATCH and not self._waiting.empty():
                taken.append(self._waiting.get_nowait())
            try:
                ready: list[ReadableSpan] = []
                for first, second in taken:
                    if isinstance(second, Span):
                        assert isinstance(first, int)
                        ready += self._readable(first, [second])
                    else:
                        assert isinstance(first, UUID)
                        ready += await self._run(first, second)
                if ready and await asyncio.to_thread(self._exporter.export, ready) is not SpanExportResult.SUCCESS:
                    self._complain(len(ready), "the collector did not take them")
            except Exception as error:
                self._complain(len(taken), str(error) or type(error).__name__)
            finally:
                for _ in taken:
                    self._waiting.task_done()

    def _complain(self, lost: int, why: str) -> None:
        now = asyncio.get_running_loop().time()
        self.dropped += lost
        if now - self._complained_at >= COMPLAIN_EVERY_S:
            self._complained_at = now
            log.warning("spans are lost", lost=lost, error=why)

    async def _run(self, tenant_id: UUID, run_id: UUID) -> list[ReadableSpan]:
        trace_id = trace_id_of(run_id)
        if trace_id & (2**64 - 1) >= self._most_id:
            return []
        rows = await self._store.facts(tenant_id, run_id, MOST_FACTS)
        if not rows:
            return []
        steps = await self._steps(tenant_id, rows)
        spans = await asyncio.to_thread(spans_of, tenant_id, run_id, rows, steps.get, content=self._content)
        return self._readable(trace_id, spans)

    async def _steps(self, tenant_id: UUID, rows: list[Row]) -> dict[str, Step]:
        """What each path of the run is, by its flow; nothing where the flow is no longer there."""
        accepted = rows[0].body or {}
        try:
            document = await flow_document(
                self._database, tenant_id, str(accepted["flow"]), int(str(accepted["version"]))
            )
            progress = Progress(compile_document(document), lambda path: "", keep_turns=True)
            progress.apply_all(facts_of(rows))
        except (StrettoError, KeyError, ValueError):
            log.debug("a trace is made without its flow", flow=accepted.get("flow"))
            return {}
        return {path: state.step for path, state in progress.states.items()}

    def _readable(self, trace_id: int, spans: Sequence[Span]) -> list[ReadableSpan]:
        return [readable(trace_id, span, self._resource) for span in spans]


async def flow_document(database: Database, tenant_id: UUID, name: str, version: int) -> dict[str, object]:
    """A version of a stored flow."""
    found = await RunStore(database).flow(tenant_id, name, version)
    if found is None:
        raise KeyError(name)
    return found[1]


def readable(trace_id: int, span: Span, resource: Resource) -> ReadableSpan:
    """A span as exporters take it, with nothing secret in it."""

    def context(span_id: int, trace: int = trace_id) -> SpanContext:
        return SpanContext(trace, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    links: list[Link] = []
    if (found := TRACEPARENT.fullmatch(span.link)) is not None:
        links.append(Link(context(int(found[2], 16), int(found[1], 16))))
    message = str(redact_field("error", span.error))[:500]
    attributes = {name: redact_field(name, value) for name, value in span.attributes.items()}
    return ReadableSpan(
        name=span.name,
        context=context(span.id),
        parent=None if span.parent is None else context(span.parent),
        resource=resource,
        attributes={name: value for name, value in attributes.items() if isinstance(value, str | int | float | bool)},
        links=links,
        kind=KINDS[span.kind],
        status=Status(StatusCode.ERROR, message) if span.error else Status(StatusCode.UNSET),
        start_time=nanoseconds(span.start),
        end_time=nanoseconds(max(span.start, span.end)),
        instrumentation_scope=SCOPE,
    )


def nanoseconds(at: datetime) -> int:
    """Nanoseconds since 1970, exact to the microsecond."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000

"""Telemetry of one process: what the platform opens, and what hears of commits, calls and requests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from stretto.engine.journal import Append
from stretto.gateway.calls import Call
from stretto.settings import Settings
from stretto.store import Database
from stretto.store.acting import traceparent_now
from stretto.telemetry.measures import Measures

if TYPE_CHECKING:
    from stretto.telemetry.traces import Traces

log = structlog.get_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LAG_EVERY_S = 0.5


class Telemetry:
    """What this process tells of itself. Its `on_…` neither block nor raise."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.measures = Measures(self.registry)
        self.traces: Traces | None = None
        self._failed: set[str] = set()

    def on_committed(self, batch: Sequence[Append]) -> None:
        """Hear of a transaction of the journal."""
        try:
            self.measures.on_committed(batch)
            if self.traces is not None:
                self.traces.on_committed(batch)
        except Exception:
            self._note("facts")

    def on_call(self, call: Call) -> None:
        """Hear of a call that is written down."""
        try:
            self.measures.on_call(call)
            if self.traces is not None:
                self.traces.on_call(call, traceparent_now())
        except Exception:
            self._note("calls")

    def _note(self, what: str) -> None:
        if what not in self._failed:  # a fault here must not flood the log
            self._failed.add(what)
            log.exception("telemetry met a fault; it goes on, but may count wrong", what=what)

    async def watch_loop(self) -> None:
        """Measure how late the event loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.measures.lag_s.observe(max(0.0, loop.time() - due))


@asynccontextmanager
async def telling(telemetry: Telemetry, settings: Settings, database: Database) -> AsyncGenerator[None]:
    """Let a process tell of itself as long as the block lasts."""
    telemetry.traces = make_traces(settings, database)
    if settings.metrics_port:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, telemetry.registry)
    else:
        server = thread = None
    stop_sentry = start_sentry()
    lag = asyncio.create_task(telemetry.watch_loop(), name="loop lag")
    if telemetry.traces is not None:
        telemetry.traces.start()
    try:
        yield
    finally:
        lag.cancel()
        await asyncio.gather(lag, return_exceptions=True)
        if telemetry.traces is not None:
            await telemetry.traces.close()
        if stop_sentry is not None:
            await stop_sentry()
        if server is not None and thread is not None:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            await asyncio.to_thread(thread.join)


def make_traces(settings: Settings, database: Database) -> Traces | None:
    """The traces, where a collector is configured."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    if find_spec("opentelemetry.exporter") is None or find_spec("opentelemetry.sdk") is None:
        log.warning("a collector is configured, but not what speaks to it", remedy="pip install 'stretto[otel]'")
        return None
    from stretto.telemetry.traces import Traces

    return Traces(database, content=settings.trace_content, ratio=settings.trace_ratio)


def start_sentry() -> Callable[[], Awaitable[None]] | None:
    """Report errors to Sentry, where it is configured; gives what ends that."""
    dsn = os.environ.get("SENTRY_DSN")
    if not dsn:
        return None
    if find_spec("sentry_sdk") is None:
        log.warning("SENTRY_DSN is set, but not what speaks to it", remedy="pip install 'stretto[sentry]'")
        return None
    from stretto.telemetry import sentry

    sentry.start(dsn, build())
    return sentry.stop


def build() -> str:
    """The version of Stretto."""
    return version("stretto")

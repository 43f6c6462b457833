"""`/metrics`: what this process counted, what it holds now, and figures of the whole database, as Prometheus reads them."""

from __future__ import annotations

import asyncio
import os
import platform as machine
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST as PLAIN
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import (  # the client types this one loosely
    generate_latest as generate_openmetrics,  # pyright: ignore[reportUnknownVariableType]
)
from prometheus_client.registry import Collector

from stretto.store import Database
from stretto.telemetry.service import Telemetry, build
from stretto.telemetry.store import Figures, FiguresStore

log = structlog.get_logger(__name__)

FRESH_S = 3.0
"""Figures of the database are read anew at most this often."""
AWAY_S = 2.0

TOLD = {
    "runs": ("runs_unfinished", "Runs that are not over, by status", "status"),
    "queue_depth": ("queue_depth", "Runs that wait for a worker", ""),
    "queue_age": ("queue_age_seconds", "How long the run that waits longest has waited for a worker", ""),
    "workers": ("workers", "Workers that were heard of within ten seconds", ""),
    "waits": ("waits", "Steps that wait for a person or an event", "kind"),
    "wait_age": ("wait_age_seconds", "How long the step that waits longest has waited", "kind"),
    "timers_late": ("timers_late", "Timers that are over ten seconds late", ""),
    "outbox_depth": ("outbox_depth", "Events that are not in the log yet", ""),
    "outbox_age": ("outbox_age_seconds", "Age of the oldest event that is not in the log yet", ""),
    "dead_letters": ("dead_letters", "Events that a consumer could not take and that wait for a person", ""),
    "letters_waiting": ("event_retries_waiting", "Events that are tried again later, and those behind them", ""),
}


@dataclass(frozen=True, slots=True)
class Now:
    """What a process holds at the moment."""

    active_runs: int = 0
    followed_runs: int = 0
    open_streams: int = 0
    pool_size: int = 0
    pool_in_use: int = 0
    pool_waiting: int = 0
    ledger_backlog: int = 0


class Exposition:
    """Answers scrapes."""

    def __init__(self, telemetry: Telemetry, database: Database) -> None:
        self._telemetry = telemetry
        self._store = FiguresStore(database)
        self._figures: Figures = {}
        self._read_at = -FRESH_S
        self._turn = asyncio.Lock()

    async def render(self, now: Now, accept: str = "") -> tuple[bytes, str]:
        """The text and its content type. A database that is away leaves its figures out."""
        await self._refresh()
        registry = CollectorRegistry()
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(registry)  # counts of all processes that `stretto up` has started
        else:
            registry.register(self._telemetry.registry)  # pyright: ignore[reportArgumentType] - a registry collects, too
        registry.register(_Gauges(self._figures, now, self._dropped()))
        if "application/openmetrics-text" in accept:
            return bytes(generate_openmetrics(registry)), OPENMETRICS  # pyright: ignore[reportUnknownArgumentType]
        return generate_latest(registry), PLAIN

    def _dropped(self) -> int:
        return 0 if self._telemetry.traces is None else self._telemetry.traces.dropped

    async def _refresh(self) -> None:
        async with self._turn:
            loop = asyncio.get_running_loop()
            if loop.time() - self._read_at < FRESH_S:
                return
            self._read_at = loop.time()
            try:
                async with asyncio.timeout(AWAY_S):
                    self._figures = await self._store.figures()
            except Exception as error:
                self._figures = {}
                log.warning("metrics without the figures of the database", error=str(error) or type(error).__name__)


class _Gauges(Collector):
    """What is so now."""

    def __init__(self, figures: Figures, now: Now, spans_dropped: int) -> None:
        self._figures = figures
        self._now = now
        self._spans_dropped = spans_dropped

    def collect(self) -> Iterator[Metric]:
        yield from self._of_database()
        now = self._now
        for name, text, value in (
            ("runs_active", "Runs that this process carries out now", now.active_runs),
            ("streams_followed", "Runs whose streams are read here now", now.followed_runs),
            ("streams_open", "Event streams and WebSockets of clients that are open here now", now.open_streams),
            ("database_pool_size", "Database connections that this process may have", now.pool_size),
            ("database_pool_in_use", "Database connections that are lent now", now.pool_in_use),
            ("database_pool_waiting", "Tasks that wait for a database connection", now.pool_waiting),
            ("ledger_backlog", "Calls that are not written down yet", now.ledger_backlog),
            ("spans_dropped", "Spans that no collector took", self._spans_dropped),
        ):
            yield GaugeMetricFamily(f"stretto_{name}", text, value)
        info = InfoMetricFamily("stretto_build", "What runs here")
        info.add_metric([], {"version": build(), "python": machine.python_version()})
        yield info

    def _of_database(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("stretto_database_up", "Whether the database answers", 1 if self._figures else 0)
        for key, (name, text, label) in TOLD.items():
            found = {each: value for (figure, each), value in self._figures.items() if figure == key}
            if not label:
                if found:
                    yield GaugeMetricFamily(f"stretto_{name}", text, found.get("", 0.0))
                continue
            family = GaugeMetricFamily(f"stretto_{name}", text, labels=[label])
            for each, value in found.items():
                family.add_metric([each], value)
            yield family

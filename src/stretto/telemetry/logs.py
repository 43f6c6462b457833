"""What the program itself has to say, on stderr: for people on a terminal, as JSON lines otherwise."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from stretto.telemetry.redaction import redact_field

QUIET = ("procrastinate", "psycopg", "psycopg.pool", "asyncio", "uvicorn", "uvicorn.error", "uvicorn.access")
"""Libraries of which only warnings are heard."""


class _Stderr:
    """stderr as it is at the moment of writing: a picture on the terminal puts its own in place."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logs(level: str = "warning") -> None:
    """Let structlog and the standard library's logging write to stderr from this level up; libraries only warnings."""
    out = cast("TextIO", _Stderr())
    last: Processor
    last = structlog.dev.ConsoleRenderer(pad_event_to=0) if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
        report_errors,
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*before, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before[:3], structlog.stdlib.ExtraAdder(), *before[3:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


Reporter = Callable[[Mapping[str, Any], BaseException | None], None]
"""Takes a log line of level error, with the exception that it tells of."""

_reporters: list[Reporter] = []


def set_reporter(reporter: Reporter | None) -> None:
    """Let what is logged as an error be reported as well; None: no longer."""
    _reporters[:] = [] if reporter is None else [reporter]


def report_errors(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Give errors to the reporter, if there is one. A fault of its own must not cost the log line."""
    if _reporters and event.get("level") in ("error", "critical"):
        told = event.get("exc_info")
        error = sys.exc_info()[1] if told is True else told if isinstance(told, BaseException) else None
        with suppress(Exception):
            _reporters[0](dict(event), error)
    return event


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Put `***` in place of what is secret or personal."""
    for name, value in event.items():
        if name not in ("timestamp", "level"):
            event[name] = redact_field(name, value)
    return event

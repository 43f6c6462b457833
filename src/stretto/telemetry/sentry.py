"""Errors to Sentry, where SENTRY_DSN is set and `stretto[sentry]` is installed. Loaded only then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import sentry_sdk
from sentry_sdk.types import Event, Hint

from stretto.telemetry.logs import set_reporter
from stretto.telemetry.redaction import redact

FLUSH_S = 3.0


def start(dsn: str, release: str) -> None:
    """Report what is logged as an error from now on, redacted, without local variables and request bodies."""
    sentry_sdk.init(
        dsn=dsn,
        release=release,
        default_integrations=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=redacted,
    )
    set_reporter(report)


async def stop() -> None:
    """Send what waits, and report no more."""
    set_reporter(None)
    await asyncio.to_thread(sentry_sdk.flush, FLUSH_S)
    await asyncio.to_thread(sentry_sdk.get_client().close, FLUSH_S)


def redacted(event: Event, hint: Hint) -> Event:
    """An event with nothing secret in it."""
    return cast("Event", redact(event))


def report(line: Mapping[str, Any], error: BaseException | None) -> None:
    """Send a log line of level error, with the exception that it tells of."""
    with sentry_sdk.new_scope() as scope:
        for name in ("run_id", "tenant_id", "step", "request_id", "trace_id"):
            if name in line:
                scope.set_tag(name, str(line[name]))
        scope.set_context("log", {name: str(value) for name, value in line.items() if name != "event"})
        if error is not None:
            scope.capture_exception(error)
        else:
            scope.capture_message(str(line.get("event", "")), level="error")

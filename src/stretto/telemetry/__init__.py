"""Traces, metrics, logs: told from committed facts and written-down calls, so that no other room knows of them."""

from stretto.telemetry.logs import configure_logs
from stretto.telemetry.redaction import redact, redact_text

__all__ = ["configure_logs", "redact", "redact_text"]

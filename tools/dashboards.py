"""Make the Grafana dashboards under deploy/grafana from what stands here; with --check only say whether they are up to date.

A panel is a title, a unit of Grafana's, and queries by their legends. Each query is checked by a test against the metrics
that really exist.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "grafana"
WIDTH, HEIGHT = 8, 7

Panel = tuple[str, str, dict[str, str]]


def p(share: float, metric: str, by: str = "") -> str:
    """A quantile of a histogram over five minutes."""
    names = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({names}) (rate({metric}_bucket[5m])))"


DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "overview": (
        "Stretto: overview",
        [
            (
                "Runs ended per minute",
                "short",
                {"{{outcome}}": "sum by (outcome) (rate(stretto_runs_ended_total[5m])) * 60"},
            ),
            ("Runs that are not over", "short", {"{{status}}": "stretto_runs_unfinished"}),
            ("Runs waiting for a worker", "short", {"runs": "max(stretto_queue_depth)"}),
            ("Longest wait for a worker", "s", {"wait": "max(stretto_queue_age_seconds)"}),
            ("Workers", "short", {"workers": "max(stretto_workers)"}),
            (
                "Steps ended per second",
                "short",
                {"{{outcome}}": "sum by (outcome) (rate(stretto_steps_ended_total[5m]))"},
            ),
            (
                "Step duration by flow, p95",
                "s",
                {"{{flow}}": p(0.95, "stretto_step_duration_seconds", "flow")},
            ),
            (
                "HTTP requests per second",
                "reqps",
                {"{{status}}": "sum by (status) (rate(stretto_http_requests_total[5m]))"},
            ),
            (
                "HTTP latency",
                "s",
                {
                    "p50": p(0.5, "stretto_http_request_duration_seconds"),
                    "p99": p(0.99, "stretto_http_request_duration_seconds"),
                },
            ),
            (
                "Requests, streams and runs held up by limits, per second",
                "reqps",
                {"{{by}}": "sum by (by) (rate(stretto_requests_refused_total[5m]))"},
            ),
            ("Database answers", "bool", {"up": "min(stretto_database_up)"}),
            (
                "Database connections",
                "short",
                {
                    "in use": "sum(stretto_database_pool_in_use)",
                    "may have": "sum(stretto_database_pool_size)",
                    "waiting for one": "sum(stretto_database_pool_waiting)",
                },
            ),
            ("Versions", "short", {"{{version}}": "count by (version) (stretto_build_info)"}),
        ],
    ),
    "models": (
        "Stretto: models and money",
        [
            (
                "Cost per hour",
                "currencyUSD",
                {"{{route}}": "sum by (route) (rate(stretto_model_cost_usd_total[1h])) * 3600"},
            ),
            ("Tokens per second", "short", {"{{class}}": "sum by (class) (rate(stretto_model_tokens_total[5m]))"}),
            ("Calls per second", "short", {"{{end}}": "sum by (end) (rate(stretto_model_calls_total[5m]))"}),
            ("First token, p95", "s", {"{{model}}": p(0.95, "stretto_first_token_seconds", "model")}),
            ("Whole call, p95", "s", {"{{model}}": p(0.95, "stretto_call_duration_seconds", "model")}),
            ("Wait for admission, p95", "s", {"{{route}}": p(0.95, "stretto_admission_wait_seconds", "route")}),
            ("Admission", "short", {"{{outcome}}": "sum by (outcome) (rate(stretto_admissions_total[5m]))"}),
            ("Cache hits per second", "short", {"{{kind}}": "sum by (kind) (rate(stretto_cache_hits_total[5m]))"}),
            (
                "Share of calls that failed",
                "percentunit",
                {
                    "{{provider}}": 'sum by (provider) (rate(stretto_model_calls_total{end="failed"}[5m]))'
                    " / sum by (provider) (rate(stretto_model_calls_total[5m]))"
                },
            ),
            ("Stalls per minute", "short", {"{{model}}": "sum by (model) (rate(stretto_stalls_total[5m])) * 60"}),
            ("Calls not yet written down", "short", {"calls": "sum(stretto_ledger_backlog)"}),
        ],
    ),
    "streams": (
        "Stretto: streams and workers",
        [
            (
                "Characters written per second",
                "short",
                {"text": "sum(rate(stretto_text_characters_written_total[5m]))"},
            ),
            ("Facts written per second", "short", {"facts": "sum(rate(stretto_facts_written_total[5m]))"}),
            ("Retractions per minute", "short", {"retractions": "sum(rate(stretto_retractions_total[5m])) * 60"}),
            ("Runs at work here", "short", {"{{instance}}": "stretto_runs_active"}),
            ("Runs followed", "short", {"{{instance}}": "stretto_streams_followed"}),
            ("Streams open", "short", {"{{instance}}": "stretto_streams_open"}),
            ("Runs taken up per minute", "short", {"claims": "sum(rate(stretto_runs_claimed_total[5m])) * 60"}),
            ("Event loop late, p99", "s", {"late": p(0.99, "stretto_event_loop_lag_seconds")}),
            ("Late timers", "short", {"timers": "max(stretto_timers_late)"}),
            ("Spans lost", "short", {"{{instance}}": "stretto_spans_dropped"}),
        ],
    ),
    "people": (
        "Stretto: people and events",
        [
            ("Steps that wait", "short", {"{{kind}}": "max by (kind) (stretto_waits)"}),
            ("Longest wait", "s", {"{{kind}}": "max by (kind) (stretto_wait_age_seconds)"}),
            (
                "Reviews decided per hour",
                "short",
                {"{{verdict}}": "sum by (verdict) (rate(stretto_reviews_decided_total[1h])) * 3600"},
            ),
            ("Time to a decision, p95", "s", {"p95": p(0.95, "stretto_review_wait_seconds")}),
            ("Events not in the log yet", "short", {"events": "max(stretto_outbox_depth)"}),
            ("Age of the oldest of them", "s", {"age": "max(stretto_outbox_age_seconds)"}),
            ("Events tried again", "short", {"events": "max(stretto_event_retries_waiting)"}),
            ("Dead letters", "short", {"letters": "max(stretto_dead_letters)"}),
        ],
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """A dashboard as Grafana imports it."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"stretto-{name}",
        "title": title,
        "tags": ["stretto"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": [panel(number, *each) for number, each in enumerate(panels)],
    }


def panel(number: int, title: str, unit: str, queries: dict[str, str]) -> dict[str, Any]:
    """A panel at its place, three in a row."""
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + index), "expr": query, "legendFormat": legend, "datasource": source}
            for index, (legend, query) in enumerate(queries.items())
        ],
    }


def text(name: str) -> str:
    """The file of a dashboard."""
    return json.dumps(dashboard(name), indent=2) + "\n"


def main() -> int:
    """Write the files, or check them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if "--check" in sys.argv:
        return int(any((FOLDER / f"{name}.json").read_text() != text(name) for name in DASHBOARDS))
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())

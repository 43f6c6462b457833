"""The metrics of this process: counters and histograms, counted from committed facts, written-down calls and requests.

Labels are bounded: routes, models and flows come from configuration and from users, so that each label takes 100 values, and
what comes after is `other`. No label holds an id, a text or a tenant.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter, Histogram

from stretto.engine.journal import Append
from stretto.gateway.calls import Call
from stretto.stream.log import TEXT, Row

MOST_VALUES = 100
MOST_OPEN = 50_000
"""Attempts whose start is remembered."""
FIRST_TOKEN_S = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
STEP_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
REVIEW_S = (60, 300, 900, 3600, 4 * 3600, 24 * 3600, 72 * 3600)
ENDS = {"RunCompleted": "completed", "RunFailed": "failed", "RunCancelled": "cancelled"}
STEP_ENDS = {
    "StepCompleted": "completed",
    "StepFailed": "failed",
    "StepStopped": "stopped",
    "StepSteered": "steered",
    "StepDeferred": "deferred",
    "StepRested": "rested",
}


class Bounded:
    """Lets the first hundred values of a label through, and calls all others `other`."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._known: set[str] = set()
        self._most = most

    def __call__(self, value: str) -> str:
        """The value itself, or `other`."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return "other"
        self._known.add(value)
        return value


class Measures:
    """All metrics of a process, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._flow, self._route, self._model, self._step = Bounded(), Bounded(), Bounded(), Bounded()
        self._open: OrderedDict[tuple[UUID, str], datetime] = OrderedDict()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"stretto_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"stretto_{name}", text, labels, buckets=buckets, registry=registry)

        self.runs = counter("runs_ended", "Runs that ended here, by outcome", "flow", "outcome")
        self.claims = counter("runs_claimed", "Times that a run was taken up here")
        self.steps = counter("steps_ended", "Attempts of steps that ended here, by outcome", "outcome")
        self.step_s = histogram(
            "step_duration_seconds", "From an attempt's start to its end", STEP_S, "flow", "outcome"
        )
        self.facts = counter("facts_written", "Facts committed by this process")
        self.text = counter("text_characters_written", "Characters of text committed by this process")
        self.retractions = counter("retractions", "Times that text was taken back")
        self.reviews = counter("reviews_decided", "Reviews decided, by verdict", "verdict")
        self.review_s = histogram("review_wait_seconds", "From asking a person to the decision", REVIEW_S)
        call = ("route", "model")
        self.calls = counter("model_calls", "Model calls by how they ended", *call, "provider", "end")
        self.admissions = counter("admissions", "What admission decided about calls", "route", "outcome")
        self.tokens = counter("model_tokens", "Tokens by class", *call, "class")
        self.cost = counter("model_cost_usd", "US dollars spent on calls", *call)
        self.first_token_s = histogram(
            "first_token_seconds", "From a call's start to its first token", FIRST_TOKEN_S, *call
        )
        self.call_s = histogram("call_duration_seconds", "From a call's start to its end", STEP_S, *call)
        self.waited_s = histogram("admission_wait_seconds", "Time that calls waited for admission", REQUEST_S, "route")
        self.stalls = counter("stalls", "Calls whose model fell silent in mid-answer", *call)
        self.cache_hits = counter("cache_hits", "Calls that the cache answered", "route", "kind")
        self.requests = counter("http_requests", "HTTP requests", "method", "route", "status")
        self.request_s = histogram(
            "http_request_duration_seconds", "From a request's head to the head of its answer", REQUEST_S, "route"
        )
        self.refusals = counter("requests_refused", "What a limit held up, by which limit", "by")
        for by in LIMITED:
            self.refusals.labels(by)
        self.lag_s = histogram("event_loop_lag_seconds", "How late the event loop was", (0.005, 0.02, 0.05, 0.2, 1, 5))

    def on_committed(self, batch: Sequence[Append]) -> None:
        """Count what was just committed; called once for each transaction of the journal."""
        facts = characters = 0
        for append in batch:
            for row in append.rows:
                if row.kind == TEXT:
                    characters += len(row.text or "")
                else:
                    facts += 1
                    self._on_fact(append.lease.run_id, append.lease.flow, row)
        self.facts.inc(facts)
        self.text.inc(characters)

    def _on_fact(self, run_id: UUID, flow: str, row: Row) -> None:
        kind, body = row.kind, row.body or {}
        if kind in ("StepStarted", "WaitStarted") and row.step is not None:
            self._open[run_id, row.step] = row.at
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        elif (outcome := STEP_ENDS.get(kind)) is not None and row.step is not None:
            self.steps.labels(outcome).inc()
            if (began := self._open.pop((run_id, row.step), None)) is not None:
                self.step_s.labels(self._flow(flow), outcome).observe((row.at - began).total_seconds())
        elif (ended := ENDS.get(kind)) is not None:
            self.runs.labels(self._flow(flow), ended).inc()
        elif kind == "RunClaimed":
            self.claims.inc()
        elif kind == "TextRetracted":
            self.retractions.inc()
        elif kind == "ReviewDecided":
            self.reviews.labels(str(body.get("verdict", "approve"))).inc()
            if row.step is not None and (asked := self._open.get((run_id, row.step))) is not None:
                self.review_s.observe((row.at - asked).total_seconds())

    def on_call(self, call: Call) -> None:
        """Count a call that was just written down."""
        route, model = self._route(call.route), self._model(call.model)
        self.admissions.labels(route, call.outcome).inc()
        self.calls.labels(route, model, self._model(call.provider), call.end).inc()
        if call.cached:
            self.cache_hits.labels(route, call.cached).inc()
        self.waited_s.labels(route).observe(call.waited_s)
        if call.end == "not_made":
            return
        tokens = call.tokens
        for kind, count in (
            ("input", tokens.input),
            ("cached_input", tokens.cached_input),
            ("cache_write", tokens.cache_write),
            ("output", tokens.output),
            ("reasoning", tokens.reasoning),
        ):
            if count:
                self.tokens.labels(route, model, kind).inc(count)
        self.cost.labels(route, model).inc(float(call.cost_usd))
        self.call_s.labels(route, model).observe(call.duration_s)
        if call.ttft_s is not None:
            self.first_token_s.labels(route, model).observe(call.ttft_s)
        if call.error_kind == "ModelStalled":
            self.stalls.labels(route, model).inc()

    def on_request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request. `route` is its template."""
        route = self._step(route)
        self.requests.labels(method if method in KNOWN_METHODS else "other", route, str(status)).inc()
        self.request_s.labels(route).observe(took_s)

    def on_refused(self, by: str) -> None:
        """Count what was held up: by the rate of a tenant, key or address; by the most `streams` of a tenant or of the
        `server`; by a tenant's `quota` of runs."""
        self.refusals.labels(by if by in LIMITED else "other").inc()


LIMITED = ("tenant", "key", "address", "streams", "server", "quota")
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})

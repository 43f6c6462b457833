"""A stand-in for an OTLP collector: takes traces over HTTP as the protocol says, and keeps the spans."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Kept:
    """A span as it came over the wire."""

    trace_id: str
    id: str
    parent: str
    name: str
    start_ns: int
    end_ns: int
    kind: int
    failed: bool
    attributes: Mapping[str, Any]
    links: tuple[tuple[str, str], ...]


@dataclass
class Collector:
    """Serves on a free port of this machine as long as the block lasts."""

    url: str = ""
    spans: list[Kept] = field(default_factory=list[Kept])
    status: int = 200
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Collector:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if self.status != 200:
            return web.Response(status=self.status)
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        told = ExportTraceServiceRequest.FromString(raw)
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [_kept(span) for span in scope.spans]
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")


def _kept(span: Any) -> Kept:
    attributes = {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}
    return Kept(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.kind,
        span.status.code == 2,
        attributes,
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )

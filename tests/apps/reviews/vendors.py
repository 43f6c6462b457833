"""Servers on this machine that answer as Klaviyo, Yotpo, Shopify and Qrvey publish that theirs do, and fail on demand."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

KLAVIYO_KEY = "pk_1234567890abcdef"
YOTPO_KEY = "iO6OZc37hEVTRgck"
YOTPO_GUID = "6lC7NrMa4zw2v_fq"
SHOPIFY_KEY = "shpat_0123456789abcdef"
QRVEY_KEY = "qrvey-router-key-1"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Vendors:
    """All four on one address. What is in `next_answers` is given first; `after` faults come when the work is done."""

    def __init__(self) -> None:
        self.url = ""
        self.news = asyncio.Condition()
        self.next_answers: deque[Answer] = deque()
        self.after_faults: deque[Answer] = deque()
        self.requests: list[str] = []
        self.events: dict[str, dict[str, Any]] = {}
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.tags: dict[str, set[str]] = {"gid://shopify/Customer/1": set()}
        self.records: dict[str, dict[str, dict[str, Any]]] = {}

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if self.next_answers:
            return await self.next_answers.popleft()(request)
        answer = await handler(request)
        return await self.after_faults.popleft()(request) if self.after_faults else answer

    async def klaviyo(self, request: web.Request) -> web.Response:
        """POST /api/events: 202 without a body; errors as JSON:API has them."""
        if request.headers.get("authorization") != f"Klaviyo-API-Key {KLAVIYO_KEY}":
            return self.errors(401, "not_authenticated", "Missing or invalid private key.")
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", request.headers.get("revision", "")):
            return self.errors(400, "invalid", "A valid revision header is required.")
        data = (await request.json())["data"]
        attributes = data["attributes"]
        assert data["type"] == "event"
        assert attributes["metric"]["data"]["type"] == "metric"
        assert attributes["metric"]["data"]["attributes"]["name"]
        profile = attributes["profile"]["data"]
        assert profile["type"] == "profile"
        if "@" not in profile["attributes"]["email"]:
            return self.errors(400, "invalid", "Invalid email address")
        self.events[attributes["unique_id"]] = attributes
        async with self.news:
            self.news.notify_all()
        return web.Response(status=202)

    async def arrived(self, count: int) -> None:
        """Wait until Klaviyo has so many events."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.events) >= count)

    def errors(self, status: int, code: str, detail: str) -> web.Response:
        body = {"errors": [{"id": "1", "status": status, "code": code, "title": "No.", "detail": detail}]}
        return web.json_response(body, status=status)

    def knows_yotpo(self, request: web.Request) -> bool:
        return (request.headers.get("x-api-key"), request.headers.get("x-guid")) == (YOTPO_KEY, YOTPO_GUID)

    async def yotpo_adjust(self, request: web.Request) -> web.Response:
        """POST /api/v2/points/adjust."""
        if not self.knows_yotpo(request):
            return web.json_response({"error": "unauthorized"}, status=401)
        body = await request.json()
        assert isinstance(body["point_adjustment_amount"], int)
        assert isinstance(body["apply_adjustment_to_points_earned"], bool)
        item = {"points": body["point_adjustment_amount"], "action": body["history_title"], "status": "Approved"}
        self.points.setdefault(body["customer_email"], []).append(item)
        return web.json_response({})

    async def yotpo_customer(self, request: web.Request) -> web.Response:
        """GET /api/v2/customers?customer_email=…&with_history=true."""
        if not self.knows_yotpo(request):
            return web.json_response({"error": "unauthorized"}, status=401)
        if request.query["customer_email"] not in self.points:
            return web.json_response({"error": "customer not found"}, status=404)
        items = self.points[request.query["customer_email"]]
        history = items if request.query.get("with_history") == "true" else []
        return web.json_response({"points_balance": sum(each["points"] for each in items), "history_items": history})

    async def shopify(self, request: web.Request) -> web.Response:
        """POST /admin/api/VERSION/graphql.json: faults of GraphQL come with 200."""
        if request.headers.get("x-shopify-access-token") != SHOPIFY_KEY:
            told = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return web.json_response({"errors": told}, status=401)
        body = await request.json()
        variables = body["variables"]
        if "customerByIdentifier" in body["query"]:
            there = {"id": "gid://shopify/Customer/1"} if variables["email"] == "ann@example.com" else None
            return web.json_response({"data": {"customerByIdentifier": there}})
        if "bad" in variables["tags"]:
            wrong = [{"message": "Tag is invalid"}]
            return web.json_response({"data": {"tagsAdd": {"node": None, "userErrors": wrong}}})
        self.tags[variables["id"]] |= set(variables["tags"])
        return web.json_response({"data": {"tagsAdd": {"node": {"id": variables["id"]}, "userErrors": []}}})

    async def qrvey(self, request: web.Request) -> web.Response:
        """POST /postdata: upserts by the data set's unique ids, and gives the id of a job."""
        if request.headers.get("x-api-key") != QRVEY_KEY:
            return web.json_response({"message": "Forbidden"}, status=403)
        body = await request.json()
        assert body["documentUpdateMethod"] == "upsert"
        unique = {"set-trends": ("date", "source"), "set-ltv": ("customer_id",), "set-stock": ("product_id",)}[
            body["datasetId"]
        ]
        for record in body["data"]:
            self.records.setdefault(body["datasetId"], {})["|".join(record[each] for each in unique)] = record
        return web.json_response({"jobId": "1"})


def answering(status: int, body: str = "", **headers: str) -> Answer:
    """This answer, whatever is asked."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, text=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


async def silent(request: web.Request) -> web.StreamResponse:
    """No answer for longer than anybody waits."""
    await asyncio.sleep(30)
    return web.Response()


async def cut_off(request: web.Request) -> web.StreamResponse:
    """An answer that ends in its middle."""
    answer = web.StreamResponse(status=200, headers={"content-length": "1000"})
    await answer.prepare(request)
    await answer.write(b'{"half": ')
    assert request.transport is not None
    request.transport.close()
    return answer


@asynccontextmanager
async def vendors(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Vendors]:
    """The servers, on a free port of this machine; by https with `tls`."""
    these = Vendors()
    app = web.Application(middlewares=[these.middleware])
    app.router.add_post("/api/events", these.klaviyo)
    app.router.add_post("/api/v2/points/adjust", these.yotpo_adjust)
    app.router.add_get("/api/v2/customers", these.yotpo_customer)
    app.router.add_post("/admin/api/{version}/graphql.json", these.shopify)
    app.router.add_post("/postdata", these.qrvey)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    these.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield these
    finally:
        await runner.cleanup()

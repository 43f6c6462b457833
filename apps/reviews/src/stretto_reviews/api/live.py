"""A few live numbers on a WebSocket, for dashboards."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from stretto.api import OpenStreams, PlatformDoor, PrincipalDoor, needs, standing_of
from stretto.store import load_queries

router = APIRouter(prefix="/v1/apps/reviews", tags=["review engine"])
QUERIES = load_queries("stretto_reviews.api")
LOOK_S = 1.0
UNAUTHORIZED = 3000
NAMES = ("reviews", "analysed", "sentiment", "points", "imports")


@router.websocket("/live", dependencies=[needs("apps:read")])
async def live_figures(websocket: WebSocket, principal: PrincipalDoor, platform: PlatformDoor) -> None:
    """Sends `reviews`, `analysed`, `sentiment`, `points` and `imports` (at work) at once, and whenever one of them changes."""
    streams: OpenStreams = websocket.app.state.streams
    with streams.place(principal.tenant_id):
        await websocket.accept()
        standing = standing_of(websocket, "apps:read")
        watch: list[asyncio.Task[Any]] = [
            asyncio.create_task(standing.lost(), name="standing"),
            asyncio.create_task(_gone(websocket), name="client"),
        ]
        try:
            last: dict[str, Any] | None = None
            while not any(task.done() for task in watch):
                [[row]] = await platform.database.read(principal.tenant_id, (QUERIES["pulse"], {}))
                now: dict[str, Any] = dict(zip(NAMES, row, strict=True))
                if now != last:
                    await websocket.send_json(now)
                    last = now
                await asyncio.wait(watch, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            if watch[0].done():
                await websocket.close(UNAUTHORIZED, "log in again")
        except (WebSocketDisconnect, RuntimeError):
            return  # the client is gone
        finally:
            for task in watch:
                task.cancel()
            await asyncio.gather(*watch, return_exceptions=True)


async def _gone(websocket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.receive()

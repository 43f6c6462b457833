"""A server at an address: streamable HTTP by the SDK, with bounds on what an answer may hold."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client

from stretto.tools.mcp.stdio import MOST_MESSAGE

CONNECT_S = 10.0
CODE_UNSENT, CODE_BROKEN = -39_001, -39_002
"""Codes of ours, which no server sends: the request could not be sent; it was, and the connection broke."""
QUIET_S = 300.0
"""A stream is not given up sooner; where a person may be asked in a call, only after the time that he has."""


class Address:
    """A server by its address. `headers` hold secrets: nothing here logs them, and no redirect carries them elsewhere."""

    def __init__(
        self, url: str, headers: Mapping[str, str], *, quiet_s: float = QUIET_S, auth: httpx2.Auth | None = None
    ) -> None:
        """`quiet_s`: a stream on which nothing comes for so long is given up. `auth` logs in."""
        self._url = url
        self._auth = auth
        self._quiet_s = quiet_s
        self._headers = dict(headers)
        self.refused = 0
        """The status with which it last refused a request; 0 when it took it."""
        self.unreachable = ""
        """Why it could not be reached; empty when it could."""
        self.shut_out = ""
        """Why we could not log in."""

    def why(self) -> str:
        """Why it does not answer, as far as that is known."""
        if self.shut_out:
            return f"we cannot log in: {self.shut_out}"
        if self.unreachable:
            return f"it cannot be reached ({self.unreachable})"
        if self.refused in (401, 403):
            return f"it refuses us (HTTP {self.refused}). Check `headers`, `oauth` and `secrets`"
        return f"it answered with HTTP {self.refused}" if self.refused else "it closed the connection"

    @asynccontextmanager
    async def messages(self) -> AsyncGenerator[TransportStreams]:
        """Exchange messages with it; at the end its session is given back."""
        hooks: dict[str, list[Any]] = {"response": [self._bound]}
        timeout = httpx2.Timeout(CONNECT_S, read=self._quiet_s)
        async with httpx2.AsyncClient(
            headers=self._headers, timeout=timeout, event_hooks=hooks, auth=self._auth
        ) as client:
            send = client.send

            async def noting(request: httpx2.Request, **options: Any) -> httpx2.Response:
                try:
                    response = await send(request, **options)
                except httpx2.TransportError as error:
                    # Passed on, it would end the session with all other calls; this way it fails the one.
                    self.unreachable = type(error).__name__
                    was_sent = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
                    told = {"code": CODE_BROKEN if was_sent else CODE_UNSENT, "message": self.why()}
                    return httpx2.Response(503, request=request, json={"jsonrpc": "2.0", "id": None, "error": told})
                except OAuthFlowError as error:
                    self.shut_out = str(error).partition("\n")[0][:500]
                    told = {"code": CODE_UNSENT, "message": self.why()}
                    return httpx2.Response(401, request=request, json={"jsonrpc": "2.0", "id": None, "error": told})
                self.unreachable = self.shut_out = ""
                return response

            client.send = noting  # the SDK tells nobody why a request got no answer
            transport: AbstractAsyncContextManager[TransportStreams] = streamable_http_client(
                self._url, http_client=client, max_sse_event_size=MOST_MESSAGE
            )
            async with transport as streams:
                yield streams

    async def _bound(self, response: httpx2.Response) -> None:
        if response.request.method == "POST":
            self.refused = response.status_code if response.status_code >= 400 else 0
        kind = response.headers.get("content-type", "").lower()
        if not kind.startswith("text/event-stream"):  # the SDK bounds each event of those
            stream = response.stream
            assert isinstance(stream, httpx2.AsyncByteStream)
            response.stream = Bounded(stream)


class Bounded(httpx2.AsyncByteStream):
    """A body that breaks off where it becomes too long."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for piece in self._inner:
            taken += len(piece)
            if taken > MOST_MESSAGE:
                raise httpx2.StreamError(f"the answer has more than {MOST_MESSAGE >> 20} MiB. Ask for less at once.")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()

"""The connections to one provider: made when they are needed, kept alive between calls."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.http import HttpProcessingError

from stretto.errors import ModelBroken, ModelError, ModelKeyRefused, ModelUnreachable
from stretto.gateway.config import Provider
from stretto.gateway.grants import ProviderLimits
from stretto.gateway.wire.failures import Said, clean, failure, read_error
from stretto.gateway.wire.limits import read_limits

KEEP_ALIVE_S = 30.0
DNS_S = 300
READ_BYTES = 256 * 1024
MOST_ERROR_BYTES = 64 * 1024
MOST_BODY_BYTES = 256 * 1024 * 1024
BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What reading a body raises when the connection broke, or what came is no HTTP."""

ANTHROPIC_VERSION = "2023-06-01"


class Secret(Protocol):
    """A key that shows itself only when asked (`stretto.gateway.keys.Key`)."""

    def reveal(self) -> str: ...


KeySource = Callable[[], "Secret | str | None"]
"""Gives the key as it is now, or None. It is called for each call, so that a new key counts at once."""

OnLimits = Callable[[str, ProviderLimits], None]
"""Told what a provider says of its limits for a model."""


class Connection:
    """Posts to one provider. The session is made at the first call, in the loop of that call."""

    def __init__(self, provider: Provider, key: KeySource, on_limits: OnLimits | None = None) -> None:
        self._provider = provider
        self._key = key
        self._on_limits = on_limits
        self._session: aiohttp.ClientSession | None = None
        self._proxy = proxy_for(provider.url)
        self._closed = False

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> aiohttp.ClientResponse:
        """Send a request and give the answer as soon as its head has come. Raises `ModelUnreachable`."""
        key = self._reveal()
        sent = {**self._headers(key), **(headers or {})}
        try:
            return await self._open().post(
                self._provider.url.rstrip("/") + path, data=body, headers=sent, proxy=self._proxy, allow_redirects=False
            )
        except aiohttp.ClientResponseError as error:
            raise ModelBroken(
                f"{self._provider.name} does not speak HTTP as it should ({clean(error.message, [key])}). Check its `url`.",
                provider=self._provider.name,
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unreachable(self._provider, error) from None

    def limits(self, model: str, response: aiohttp.ClientResponse) -> ProviderLimits | None:
        """What the head says of limits; `on_limits` is told."""
        found = read_limits(response.headers)
        if found is not None and self._on_limits is not None:
            self._on_limits(model, found)
        return found

    async def failed(
        self, response: aiohttp.ClientResponse, limits: ProviderLimits | None, hide: list[str]
    ) -> ModelError:
        """The error that an answer of a status other than 200 tells of."""
        status = response.status
        if status < 400:
            place = "" if status >= 300 else f" ({response.content_type})"
            return failure(self._provider.name, status, Said(f"this is no answer{place}. Check the provider's `url`."))
        try:
            body = await response.content.read(MOST_ERROR_BYTES)
        except BROKEN:
            body = b""
        return failure(self._provider.name, status, read_error(body), limits, [self._reveal(), *hide])

    async def close(self) -> None:
        """Close all connections; no call is taken afterwards."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ModelUnreachable(
                f"The provider {self._provider.name} has been closed in this process. Open it again."
            )
        if self._session is None:
            timeouts = self._provider.timeouts
            connector = aiohttp.TCPConnector(
                limit=0,  # admission says how many calls there may be; a second bound would only hide the wait from it
                ttl_dns_cache=DNS_S,
                keepalive_timeout=KEEP_ALIVE_S,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect_s, sock_connect=timeouts.connect_s),
                read_bufsize=READ_BYTES,
            )
        return self._session

    def _reveal(self) -> str:
        key = self._key()
        if key is None and self._provider.key:
            kind, _, name = self._provider.key.partition(":")
            remedy = (
                f"`stretto provider-key set {name}` seals it" if kind == "sealed" else f"set {name} in the environment"
            )
            raise ModelKeyRefused(f"There is no key for {self._provider.name}: {remedy}.", provider=self._provider.name)
        if key is None:
            return ""
        shown = key if isinstance(key, str) else key.reveal()
        if not (shown.isascii() and shown.isprintable()):
            raise ModelKeyRefused(
                f"The key of {self._provider.name} holds characters that no header can carry. Set it anew.",
                provider=self._provider.name,
            )
        return shown

    def _headers(self, key: str) -> dict[str, str]:
        # Compressed tokens would come in lumps, and cost more than they save.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "stretto"}
        if self._provider.dialect == "anthropic":
            headers["anthropic-version"] = ANTHROPIC_VERSION
            if key:
                headers["x-api-key"] = key
        elif key:
            headers["Authorization"] = f"Bearer {key}"
        return {**headers, **self._provider.headers}


def unreachable(provider: Provider, error: BaseException) -> ModelUnreachable:
    """What kept us from the provider, without the address's secrets."""
    place = urlsplit(provider.url).netloc.rpartition("@")[2]
    match error:
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            why = "its name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            why = f"no secure connection can be made ({clean(str(error))})"
        case aiohttp.ServerTimeoutError() | TimeoutError():
            why = f"no connection within {provider.timeouts.connect_s:g} s"
        case aiohttp.InvalidURL() | ValueError():
            why = "its `url` is no address"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            why = "it closed the connection without an answer"
        case _:
            cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            code = cause.errno if isinstance(cause, OSError) else None
            why = os.strerror(code).lower() if code else type(cause).__name__
    return ModelUnreachable(
        f"{provider.name} cannot be reached at {place}: {why}. Check the network and the provider's `url`.",
        provider=provider.name,
    )


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this address (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), as other clients use it."""
    parts = urlsplit(url)
    proxies = getproxies()
    if not parts.hostname or proxy_bypass(parts.netloc):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """A body of bounded size."""
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > MOST_BODY_BYTES:
            raise aiohttp.ClientPayloadError(f"more than {MOST_BODY_BYTES} bytes")
    return b"".join(parts)

"""An identity provider by OIDC discovery: where it is asked, and the keys by which its tokens are checked.

The keys are fetched when they are needed, kept for ten minutes, and fetched again for a key id that is not among them, at most
every 30 s, so that made-up ids do not make us a burden to it. While the provider is away, the keys that are known count on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import structlog
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from stretto.errors import IssuerUnreachable, SettingsInvalid

log = structlog.get_logger(__name__)

FETCH_S = 5.0
MOST_BYTES = 262_144
KEPT_S = 600.0
ASK_AGAIN_S = 30.0
DOCUMENT_S = 3600.0
AWAY_S = 1.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Issuer:
    """An identity provider. `url` is its issuer, exactly as its tokens name it."""

    def __init__(self, url: str) -> None:
        check_url(url, "STRETTO_OIDC_ISSUER")
        self.url = url
        self._document: Mapping[str, Any] | None = None
        self._ask_document_at = 0.0
        self._asking = asyncio.Lock()
        self._keys: PyJWKSet | None = None
        self._fetched_at = -KEPT_S
        self._asked_at = -ASK_AGAIN_S
        self._turn = asyncio.Lock()

    async def document(self) -> Mapping[str, Any]:
        """Its discovery document (OpenID Connect Discovery 1.0), at most an hour old unless the provider is away since.

        Raises `IssuerUnreachable`; then the provider is left in peace for a second, however many ask.
        """
        if self._document is None or time.monotonic() >= self._ask_document_at:
            async with self._asking:
                now = time.monotonic()
                if now >= self._ask_document_at:
                    await self._fetch_document(now)
        if self._document is None:
            raise IssuerUnreachable(f"The identity provider {self.url} gave no document just now.")
        return self._document

    async def _fetch_document(self, now: float) -> None:
        self._ask_document_at = now + AWAY_S  # for those who come while it does not answer
        try:
            document = await fetch_json(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != self.url:  # section 4.3: must be exactly the same
                raise IssuerUnreachable(
                    f"The document of {self.url} is of the issuer {str(document.get('issuer'))[:200]!r}. "
                    "STRETTO_OIDC_ISSUER must be exactly what the provider calls itself."
                )
        except IssuerUnreachable as error:
            self._ask_document_at = time.monotonic() + AWAY_S
            if self._document is None:
                raise
            log.warning("the identity provider gives no document", issuer=self.url, error=error.message)
        else:
            self._document, self._ask_document_at = document, now + DOCUMENT_S

    async def endpoint(self, name: str) -> str:
        """One of its addresses, such as `token_endpoint`. Raises `IssuerUnreachable`."""
        url = (await self.document()).get(name)
        if not isinstance(url, str) or not is_safe(url):
            raise IssuerUnreachable(f"The document of {self.url} has no usable `{name}`.")
        return url

    async def key(self, key_id: str | None) -> PyJWK | None:
        """The key of this id, or the only one where a token names none; None when there is none.

        Raises `IssuerUnreachable` when no keys are known and none can be fetched.
        """
        now = time.monotonic()
        found = self._find(key_id)
        if (found is not None and now < self._fetched_at + KEPT_S) or now < self._asked_at + ASK_AGAIN_S:
            return found
        async with self._turn:
            if time.monotonic() >= self._asked_at + ASK_AGAIN_S:
                await self._fetch()
        return self._find(key_id)

    def _find(self, key_id: str | None) -> PyJWK | None:
        keys = [] if self._keys is None else [key for key in self._keys.keys if key.public_key_use in (None, "sig")]
        if key_id is None:
            return keys[0] if len(keys) == 1 else None
        return next((key for key in keys if key.key_id == key_id), None)

    async def _fetch(self) -> None:
        try:
            found = await fetch_json(await self.endpoint("jwks_uri"))
            self._keys = PyJWKSet.from_dict(found)
            self._fetched_at = time.monotonic()
        except (IssuerUnreachable, PyJWTError) as error:
            log.warning("the identity provider gives no keys", issuer=self.url, error=str(error))
            if self._keys is None:
                raise IssuerUnreachable(f"The identity provider {self.url} gives no keys: {error}") from None
        self._asked_at = time.monotonic()  # a provider that gave nothing at all is asked again at once


async def fetch_json(url: str) -> dict[str, Any]:
    """A JSON object by HTTP: bounded, in time, and from no other place than this. Raises `IssuerUnreachable`."""
    try:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status != 200:
                raise IssuerUnreachable(f"{url} answered {answer.status}.")
            return await read_json(answer, url)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise IssuerUnreachable(f"{url} does not answer: {str(error) or type(error).__name__}.") from None


async def read_json(answer: aiohttp.ClientResponse, url: str) -> dict[str, Any]:
    """An answer's JSON object, if it is not too long."""
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise IssuerUnreachable(f"{url} answered more than {MOST_BYTES:,} bytes.")
    try:
        found = json.loads(bytes(raw))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IssuerUnreachable(f"{url} did not answer with a JSON object.")
    return cast("dict[str, Any]", found)


def is_safe(url: str) -> bool:
    """Whether nobody on the way can change what is read there: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def check_url(url: str, name: str) -> None:
    """Raises `SettingsInvalid` for an address that is not safe."""
    if not is_safe(url):
        raise SettingsInvalid(f"{name} is {url!r}. It has to be an https URL (http only on this machine).")

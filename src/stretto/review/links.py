"""Signed links: whoever has one may decide one review, as it was when the link was made, until the link ends."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from stretto.errors import Invalid, LinkRefused

KeyMaker = Callable[[], Awaitable[bytes]]
"""Gives the bytes that all processes of an installation sign with."""
LONGEST_S = 7 * 86_400.0
_HEAD = struct.Struct(">B16s16sIQ16s")
_FORM = 2
_NOBODY = UUID(int=0)
_MOST_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Link:
    """What a link allows: to decide this version of a review, as `by`, until a time (Unix seconds).

    `grantor`: the key or member by whose right it was made; it counts no longer than that does.
    """

    tenant_id: UUID
    review_id: UUID
    version: int
    until: int
    by: str
    grantor: UUID | None = None


class Links:
    """Makes links and reads them. The key is fetched when the first one comes."""

    def __init__(self, key: KeyMaker) -> None:
        self._make_key = key
        self._key: bytes | None = None

    async def sign(self, link: Link) -> str:
        """The link's text, for an address. Raises `Invalid`."""
        if not time.time() < link.until <= time.time() + LONGEST_S + 60:
            raise Invalid("A link ends in the time to come, at most 7 days from now.")
        grantor = (link.grantor or _NOBODY).bytes
        head = _HEAD.pack(_FORM, link.tenant_id.bytes, link.review_id.bytes, link.version, link.until, grantor)
        said = head + link.by.encode()[:400]
        return _text(said + await self._mac(said))

    async def read(self, text: str) -> Link:
        """What a link allows. Raises `LinkRefused` for one that was not made here, or has ended."""
        try:
            if len(text) > _MOST_CHARS:
                raise LinkRefused
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise LinkRefused from None
        said, mac = raw[:-32], raw[-32:]
        if len(said) < _HEAD.size or not hmac.compare_digest(mac, await self._mac(said)):
            raise LinkRefused
        form, tenant, review, version, until, grantor = _HEAD.unpack_from(said)
        if form != _FORM or until < time.time():
            raise LinkRefused
        by = said[_HEAD.size :].decode(errors="replace")
        made_by = UUID(bytes=grantor)
        return Link(UUID(bytes=tenant), UUID(bytes=review), version, until, by, None if made_by == _NOBODY else made_by)

    async def _mac(self, said: bytes) -> bytes:
        if self._key is None:
            self._key = await self._make_key()
        return hmac.digest(self._key, b"stretto review link\0" + said, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

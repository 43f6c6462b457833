"""Sealing the secrets of webhooks with AES-256-GCM, under a key that is itself sealed by the installation's master key.

A nonce is drawn at random for each sealing (96 bits, NIST SP 800-38D §8.2.2: safe for 2³² secrets). Tenant and id are bound as
associated data, so that no sealed secret opens in another's place.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

from stretto.errors import NotPossible

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12

KeyMaker = Callable[[], Awaitable[bytes]]
"""Gives the 32 bytes that all processes of an installation seal with."""


class Seal:
    """Seals and opens secrets. The key, and the cryptography, are fetched when the first secret comes."""

    def __init__(self, key: KeyMaker) -> None:
        self._key = key
        self._cipher: AESGCM | None = None
        self._fetching = asyncio.Lock()

    async def seal(self, tenant_id: UUID, name: str, secret: str) -> bytes:
        """The secret, sealed for this place."""
        cipher = await self._ready()
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, secret.encode(), _place(tenant_id, name))

    async def open(self, tenant_id: UUID, name: str, sealed: bytes) -> str:
        """The secret that was sealed for this place. Raises `NotPossible` where it was not sealed with this key."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - loaded on use

        cipher = await self._ready()
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(tenant_id, name)).decode()
        except (InvalidTag, ValueError):
            raise NotPossible("The secret cannot be opened with this installation's keys. Rotate it.") from None

    async def _ready(self) -> AESGCM:
        async with self._fetching:
            if self._cipher is None:
                from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - loaded on use

                self._cipher = AESGCM(await self._key())
            return self._cipher


def _place(tenant_id: UUID, name: str) -> bytes:
    return f"stretto webhook\0{tenant_id}\0{name}".encode()

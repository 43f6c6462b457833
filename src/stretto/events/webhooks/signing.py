"""Signatures as Standard Webhooks has them (https://github.com/standard-webhooks/standard-webhooks, spec 1.0.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from stretto.errors import Invalid

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
"""The size of a secret, by the specification."""
NEW_BYTES = 32


def new_secret() -> str:
    """A fresh secret: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """What a secret signs with. Raises `Invalid`, which does not repeat it."""
    try:
        found = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not LEAST_BYTES <= len(found) <= MOST_BYTES:
        raise Invalid(
            f"This is no secret of Standard Webhooks: that is `{PREFIX}` and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes."
        )
    return found


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, such as `v1,K5oZ…`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()


def signed_headers(secrets_: Sequence[str], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers of a message; while a secret is rotated it bears a signature by each."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets_),
    }

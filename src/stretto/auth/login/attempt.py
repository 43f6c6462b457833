"""An attempt to log in. All of it lies in a cookie of the browser that makes it; the server keeps nothing until it is through.

The cookie holds a secret of 256 random bits, the time of its end, and where to go afterwards. `state`, `nonce` and PKCE's
verifier are digests of all that under the secret, so that what was changed fits no longer, another browser's cookie does not
fit either, and no flood of attempts fills any table.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field

from stretto.errors import LoginRefused

ATTEMPT_S = 600
"""So long somebody may take at the provider."""

MOST_PATH_CHARS = 1_000
MOST_TENANT_CHARS = 63
_COOKIE = re.compile(r"([0-9a-f]{64})\.([0-9]{1,12})\.([A-Za-z0-9_-]{2,2000})", re.ASCII)
_PATH = re.compile(r"/[!-\[\]-~]*")  # printable ASCII without blanks and backslashes, which browsers take for slashes


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt: until when it counts (Unix time), where to go afterwards, and to which tenant ("": the first)."""

    secret: str = field(repr=False)
    until: int
    next_path: str
    tenant: str

    @property
    def state(self) -> str:
        """What the provider gives back beside its code."""
        return self._made("state")

    @property
    def nonce(self) -> str:
        """What the ID token must repeat."""
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        """PKCE's secret (RFC 7636, 4.1: 43 characters)."""
        return self._made("verifier")

    @property
    def challenge(self) -> str:
        """What of it goes to the provider first (RFC 7636, 4.2: S256)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())

    @property
    def digest(self) -> bytes:
        """By what the server remembers that the attempt was used."""
        return hashlib.sha256(self.state.encode()).digest()

    @property
    def cookie(self) -> str:
        """The attempt as its browser keeps it."""
        return f"{self.secret}.{self.until}.{_text(self._goal)}"

    @property
    def _goal(self) -> bytes:
        return f"{self.next_path}\n{self.tenant}".encode()

    def _made(self, purpose: str) -> str:
        said = f"stretto login {purpose} {self.until} ".encode() + self._goal
        return _text(hmac.digest(bytes.fromhex(self.secret), said, hashlib.sha256))


def new_attempt(next_path: str, tenant: str) -> Attempt:
    """Begin an attempt."""
    tenant = tenant if tenant.isascii() and tenant.isprintable() else ""
    until = int(time.time()) + ATTEMPT_S
    return Attempt(secrets.token_hex(32), until, local_path(next_path), tenant[:MOST_TENANT_CHARS])


def read_attempt(cookie: str, state: str) -> Attempt:
    """The attempt of this browser, if it is the one that the provider answers. Raises `LoginRefused`."""
    found = _COOKIE.fullmatch(cookie)
    if found is None:
        raise LoginRefused(
            "This browser has not begun this login, or too long ago. Begin again at /auth/login, and allow cookies."
        )
    padded = found[3] + "=" * (-len(found[3]) % 4)
    try:
        path, _, tenant = base64.urlsafe_b64decode(padded).decode("ascii").partition("\n")
    except ValueError:
        path, tenant = "/", ""
    attempt = Attempt(found[1], int(found[2]), local_path(path), tenant)
    if not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise LoginRefused(
            "This is the answer to another login than this browser's last one. Begin again at /auth/login."
        )
    if not 0 < attempt.until - time.time() <= ATTEMPT_S:
        raise LoginRefused(f"This login has taken more than {ATTEMPT_S // 60} minutes. Begin again at /auth/login.")
    return attempt


def local_path(path: str) -> str:
    """The path if it leads to this server and nowhere else, else `/`: a login must not send people to other sites."""
    before_query = re.split("[?#]", path, maxsplit=1)[0]
    if len(path) > MOST_PATH_CHARS or not _PATH.fullmatch(path) or "//" in before_query or path.startswith("/auth/"):
        return "/"
    return path


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

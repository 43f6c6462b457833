"""An OIDC identity provider on this machine, for tests: it speaks the true protocol, and can be told to misbehave.

    async with IdentityProvider() as provider:
        provider.add_user("ada", email="ada@example.org")
        settings = load_settings(oidc_issuer=provider.issuer, oidc_client_id=provider.client_id)
        token = provider.token("ada")

Whoever comes to its page is logged in at once, as the user that `logs_in` names. Codes count once and for PKCE's verifier
only (RFC 7636). It is no provider for anybody else: it asks for no password.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import RSAAlgorithm

TOKEN_S = 300


@dataclass(slots=True)
class SigningKey:
    """A key by which tokens are signed, and its id."""

    id: str
    private: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        """The private key, as PyJWT takes it."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def public_pem(self) -> str:
        """The public key as text, which no verifier must ever take for a secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as it is published."""
        return RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True) | {
            "kid": self.id,
            "use": "sig",
            "alg": "RS256",
        }


@cache
def first_key() -> SigningKey:
    """The key that providers of this process begin with: making one takes a tenth of a second."""
    return signing_key()


def signing_key() -> SigningKey:
    """A new key."""
    return SigningKey(secrets.token_hex(8), rsa.generate_private_key(public_exponent=65537, key_size=2048))


@dataclass(slots=True)
class Code:
    """What an authorization code stands for."""

    user: str
    challenge: str
    nonce: str
    redirect_uri: str
    made_at: float


@dataclass
class IdentityProvider:
    """A provider that serves on a free port of this machine while the block lasts.

    `fetches` counts how often its keys were asked for, `documents` its discovery document. `answers` changes what it answers: a path's status, or claims of
    the ID token (`id_token`), `iss` of the redirect, an `error` instead of a code, entries of the discovery `document`.
    With `userinfo` (claims that it changes) a user's own claims are told at `/userinfo` only, and not in the ID token.
    """

    client_id: str = "stretto"
    client_secret: str | None = None
    keys: list[SigningKey] = field(default_factory=lambda: [first_key()])
    users: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    logs_in: str = ""
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    fetches: int = 0
    documents: int = 0
    issuer: str = ""
    _codes: dict[str, Code] = field(default_factory=dict[str, Code])
    _access: dict[str, str] = field(default_factory=dict[str, str])
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> IdentityProvider:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._document)
        app.router.add_get("/keys", self._published)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/userinfo", self._userinfo)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def add_user(self, name: str, /, **claims: Any) -> None:
        """Let there be a user; `claims` go into his tokens. The first one is who logs in."""
        self.users[name] = {"email_verified": True, **claims}
        self.logs_in = self.logs_in or name

    def rotate(self) -> SigningKey:
        """Sign with a new key from now on, and publish it alone."""
        self.keys = [signing_key()]
        return self.keys[0]

    def token(self, user: str, **changes: Any) -> str:
        """A token of a user; `changes` replace claims, and None leaves one out."""
        return self.sign(self.claims(user) | changes)

    def claims(self, user: str) -> dict[str, Any]:
        """What a token of a user says."""
        now = int(time.time())
        times = {"iat": now, "exp": now + TOKEN_S}
        return {"iss": self.issuer, "aud": self.client_id, "sub": f"id-of-{user}", **times, **self.users.get(user, {})}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token with exactly these claims but for those that are None."""
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.keys[0].pem, "RS256", headers={"kid": self.keys[0].id, **header})

    async def _document(self, request: web.Request) -> web.Response:
        self.documents += 1
        if status := self.answers.get("/.well-known/openid-configuration"):
            return web.Response(status=status)
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            **({"userinfo_endpoint": f"{self.issuer}/userinfo"} if "userinfo" in self.answers else {}),
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(document | self.answers.get("document", {}))

    async def _published(self, request: web.Request) -> web.Response:
        self.fetches += 1
        if status := self.answers.get("/keys"):
            return web.Response(status=status)
        return web.json_response({"keys": [key.jwk for key in self.keys]})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked.get("client_id") != self.client_id or asked.get("response_type") != "code":
            return web.Response(status=400, text="unknown client or response type")
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return web.Response(status=400, text="PKCE with S256 is required")
        told = {"state": asked.get("state", ""), "iss": self.answers.get("iss", self.issuer)}
        if error := self.answers.get("error"):
            told["error"] = str(error)
        else:
            code = told["code"] = secrets.token_urlsafe(16)
            self._codes[code] = Code(
                self.logs_in,
                asked["code_challenge"],
                asked.get("nonce", ""),
                asked.get("redirect_uri", ""),
                time.monotonic(),
            )
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(told)}")

    async def _token(self, request: web.Request) -> web.Response:
        if status := self.answers.get("/token"):
            return web.Response(status=status)
        form = await request.post()
        code = self._codes.pop(str(form.get("code", "")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest())
        right = (
            code is not None
            and form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == code.redirect_uri
            and challenge.rstrip(b"=").decode() == code.challenge
            and (self.client_secret is None or self._secret_of(request, form) == self.client_secret)
        )
        if not right or code is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = self.claims(code.user) | {"nonce": code.nonce} | self.answers.get("id_token", {})
        if "userinfo" in self.answers:
            claims = {name: value for name, value in claims.items() if name not in self.users.get(code.user, {})}
        access_token = secrets.token_urlsafe(16)
        self._access[access_token] = code.user
        return web.json_response({"token_type": "Bearer", "access_token": access_token, "id_token": self.sign(claims)})

    async def _userinfo(self, request: web.Request) -> web.Response:
        user = self._access.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            return web.json_response({"error": "invalid_token"}, status=401)
        told = {"sub": f"id-of-{user}", **self.users.get(user, {}), **self.answers.get("userinfo", {})}
        return web.json_response(told)

    def _secret_of(self, request: web.Request, form: Mapping[str, Any]) -> str:
        """The client's secret, if it comes in a way that the discovery document allows."""
        document: Mapping[str, Any] = self.answers.get("document", {})
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and "client_secret_basic" in methods:
            return unquote_plus(base64.b64decode(value).decode().partition(":")[2])
        return str(form.get("client_secret", "")) if "client_secret_post" in methods else ""

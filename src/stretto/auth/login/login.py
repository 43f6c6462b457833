"""The login itself: OIDC's code flow with PKCE, as the best current practice has it (RFC 9700)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from stretto.auth.login.attempt import Attempt, new_attempt, read_attempt
from stretto.auth.login.exchange import redeem, with_address
from stretto.auth.sessions import SessionStore
from stretto.auth.tokens import Claimed, Issuer, TokenVerifier
from stretto.auth.tokens.issuer import check_url
from stretto.errors import LoginRefused, SettingsInvalid, TokenRefused
from stretto.settings import Settings
from stretto.store import Database

MOST_AT_ONCE = 16
"""Logins that ask the provider at the same time; others wait."""

MOST_CHARS = 4_096
MOST_PARAMETERS = 20
ANSWERED = ("code", "state", "iss", "error")
CALLBACK = "/auth/callback"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a browser goes to log in, and the cookie that it needs when it comes back."""

    url: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Callback:
    """What a provider sends a browser back with (RFC 6749, 4.1.2; RFC 9207)."""

    code: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    iss: str = ""
    error: str = ""


class Login:
    """Logs browsers in at the provider of the settings. Raises `SettingsInvalid` where these do not suffice."""

    def __init__(self, settings: Settings, verifier: TokenVerifier, database: Database) -> None:
        if verifier.issuer is None or not settings.oidc_client_id:
            raise SettingsInvalid("Logging in needs STRETTO_OIDC_ISSUER and STRETTO_OIDC_CLIENT_ID.")
        if settings.public_url is not None:
            check_url(settings.public_url, "STRETTO_PUBLIC_URL")
        self.issuer: Issuer = verifier.issuer
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret
        self._scopes = settings.oidc_scopes
        self._verifier = verifier
        self._store = SessionStore(database)
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def begin(self, origin: str, next_path: str = "/", tenant: str = "") -> Redirect:
        """Begin a login that comes back to this server at `origin`, and then goes to `next_path` if that is a path here.

        Raises `IssuerUnreachable`.
        """
        url = await self.issuer.endpoint("authorization_endpoint")
        attempt = new_attempt(next_path, tenant)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": origin + CALLBACK,
            "scope": self._scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return Redirect(f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}", attempt.cookie)

    def read(self, pairs: Iterable[tuple[str, str]]) -> Callback:
        """A provider's answer out of an address. What is there twice counts as not there: which one would be meant?"""
        given = list(pairs)[:MOST_PARAMETERS]
        names = [name for name, _ in given]
        return Callback(**{name: value for name, value in given if name in ANSWERED and names.count(name) == 1})

    def attempt(self, cookie: str, callback: Callback) -> Attempt:
        """The browser's attempt that the provider answers. Raises `LoginRefused` when it is none, or is over."""
        return read_attempt(cookie, callback.state)

    async def finish(self, origin: str, attempt: Attempt, callback: Callback) -> Claimed:
        """Who has logged in; the attempt is used up. Raises `LoginRefused`, `TokenRefused` or `IssuerUnreachable`."""
        await self._check_issuer(callback)
        if callback.error:
            denied = callback.error == "access_denied"
            raise LoginRefused(
                "The identity provider did not let you in. Ask whoever runs it, or try another account."
                if denied
                else "The identity provider reports an error of its own. Try again; if it stays, tell whoever runs this."
            )
        if not callback.code or len(callback.code) > MOST_CHARS:
            raise LoginRefused("The identity provider sent no code. Begin again at /auth/login.")
        form = {"code": callback.code, "redirect_uri": origin + CALLBACK, "code_verifier": attempt.verifier}
        async with self._turns:
            token, access_token = await redeem(self.issuer, form, self._client_id, self._client_secret)
            who = await self._verifier.verify_login(token, attempt.nonce)
            who = await with_address(self.issuer, who, access_token)
        until = datetime.fromtimestamp(attempt.until, UTC)
        if not await self._store.use_login(attempt.digest, datetime.now(UTC), until):
            raise LoginRefused("This login has been used already. Begin again at /auth/login.")
        return who

    async def _check_issuer(self, callback: Callback) -> None:
        """No other provider's answer is taken for ours (RFC 9207, 2.4)."""
        promised = (await self.issuer.document()).get("authorization_response_iss_parameter_supported") is True
        if (callback.iss or promised) and callback.iss != self.issuer.url:
            raise TokenRefused("This answer comes from another identity provider than this server is set to.")

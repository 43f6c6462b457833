"""Logins at servers of tools over HTTP, as the SDK does OAuth. Loads the SDK, so it is imported on use.

Machine to machine (`client_credentials`) needs nobody. A person's login (`authorization_code`, with PKCE) is done once, by `stretto tools
login`; its tokens are kept for the tenant, sealed, and renewed by whichever process needs them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import orjson
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)

from stretto.errors import ToolRefused
from stretto.gateway.keys import Key
from stretto.gateway.tool_servers import OAuth, ToolServer
from stretto.tools.mcp.asks import Visit
from stretto.tools.mcp.secrets import Secrets

CLIENT_NAME = "Stretto"


class Logins(Protocol):
    """Where logins are kept, sealed; `ToolSecrets` is one."""

    async def find(self, tenant_id: UUID, name: str) -> Key | None: ...
    async def keep(self, tenant_id: UUID, name: str, secret: Key) -> None: ...


def login_name(server: ToolServer) -> str:
    """Under which name a tenant's login at a server is kept."""
    return f"*login {server.name}"


def _nobody(**tokens: str | None) -> None:
    """Hears of tokens where they need not be covered."""


class Kept:
    """A login as the SDK wants it stored: tokens, client, and where they are from. In memory where there is no `logins`."""

    def __init__(self, server: ToolServer, logins: Logins | None, tenant_id: UUID | None, client: Any = None) -> None:
        self._server = server
        self._logins = logins
        self._tenant_id = tenant_id
        self._client: OAuthClientInformationFull | None = client
        self._is_given = client is not None
        self.held: dict[str, Any] = {}
        self.hide: Callable[..., None] = _nobody
        """Told of each token, so that nobody is shown it."""
        self.metadata: Callable[[], OAuthMetadata | None] = lambda: None

    async def load(self) -> bool:
        """Read it; False when nobody has logged in, or did so at another address."""
        if self._logins is not None and self._tenant_id is not None:
            found = await self._logins.find(self._tenant_id, login_name(self._server))
            held: dict[str, Any] = orjson.loads(found.reveal()) if found is not None else {}
            self.held = held if held.get("url") == self._server.url else {}
        return "tokens" in self.held

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens as they are kept now; another process may have renewed them."""
        await self.load()
        return self._hidden(OAuthToken.model_validate(self.held["tokens"])) if "tokens" in self.held else None

    def _hidden(self, tokens: OAuthToken) -> OAuthToken:
        self.hide(access_token=tokens.access_token, refresh_token=tokens.refresh_token)
        return tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep them, with the time of their end."""
        metadata = self.metadata()
        self._hidden(tokens)
        self.held |= {
            "tokens": tokens.model_dump(mode="json", exclude_none=True),
            "ends_at": None if tokens.expires_in is None else time.time() + tokens.expires_in,
            "metadata": None if metadata is None else metadata.model_dump(mode="json", exclude_none=True),
        }
        await self._save()

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """As whom we are known there: as the configuration says, else as we were registered."""
        if self._is_given or "client" not in self.held:
            return self._client
        return OAuthClientInformationFull.model_validate(self.held["client"])

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep as whom we were registered."""
        self.held["client"] = client_info.model_dump(mode="json", exclude_none=True)
        await self._save()

    async def _save(self) -> None:
        if self._logins is not None and self._tenant_id is not None:
            text = orjson.dumps({"url": self._server.url, **self.held}).decode()
            await self._logins.keep(self._tenant_id, login_name(self._server), Key(text))


class PersonsLogin(OAuthClientProvider):
    """A person's login, which another process may have begun: it knows when the tokens end, and where new ones are given."""

    def __init__(self, kept: Kept, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._kept = kept
        kept.metadata = lambda: self.context.oauth_metadata

    async def _initialize(self) -> None:
        await super()._initialize()
        if (metadata := self._kept.held.get("metadata")) and self.context.oauth_metadata is None:
            self.context.oauth_metadata = OAuthMetadata.model_validate(metadata)
        if self.context.current_tokens is not None:
            self.context.token_expiry_time = self._kept.held.get("ends_at")


async def auth_for(
    server: ToolServer, secrets: Secrets, logins: Logins | None, tenant_id: UUID | None, visit: Visit | None
) -> httpx2.Auth | None:
    """What logs in at the server. Raises `ToolRefused` where a person must log in first, and none can be asked."""
    oauth = server.oauth
    if oauth is None:
        return None
    if oauth.grant == "client_credentials":
        own = Kept(server, None, None)  # tokens are got anew by each process: that takes nobody's time
        own.hide = secrets.hide
        return ClientCredentialsOAuthProvider(
            server.url,
            own,
            oauth.client_id,
            secrets.value(oauth.client_secret),
            oauth.client_auth,
            oauth.scope or None,
            oauth.issuer or None,
        )
    kept = Kept(server, logins, tenant_id, client_of(oauth, secrets))
    kept.hide = secrets.hide
    if visit is None and not await kept.load():
        raise ToolRefused(f"nobody has logged in there. `stretto tools login {server.name}` does")
    coming = Coming(server, visit)
    metadata = OAuthClientMetadata.model_validate(
        {
            "client_name": CLIENT_NAME,
            "redirect_uris": [oauth.redirect],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": oauth.scope or None,
        }
    )
    by_address = oauth.client_id if oauth.client_id.startswith("https://") else None
    return PersonsLogin(kept, server.url, metadata, kept, coming.go, coming.back, by_address)


def client_of(oauth: OAuth, secrets: Secrets) -> OAuthClientInformationFull | None:
    """As whom the configuration says that we are known; None where we register ourselves."""
    if not oauth.client_id or oauth.client_id.startswith("https://"):
        return None
    secret = secrets.value(oauth.client_secret) if oauth.client_secret else None
    return OAuthClientInformationFull.model_validate(
        {
            "client_id": oauth.client_id,
            "client_secret": secret,
            "redirect_uris": [oauth.redirect],
            "token_endpoint_auth_method": oauth.client_auth if secret else "none",
            "issuer": oauth.issuer or None,
        }
    )


class Coming:
    """A person's way to the login page and back."""

    def __init__(self, server: ToolServer, visit: Visit | None) -> None:
        self._server = server
        self._visit = visit
        self._address = ""

    async def go(self, address: str) -> None:
        """To the page. Raises `OAuthFlowError` where nobody is there to go."""
        if self._visit is None:
            raise OAuthFlowError(f"a person must log in again: stretto tools login {self._server.name}")
        self._address = address

    async def back(self) -> AuthorizationCodeResult:
        """With what the page says."""
        assert self._visit is not None
        said = parse_qs(urlsplit(await self._visit(self._address)).query)
        if "code" not in said:
            told = " ".join(said.get("error_description") or said.get("error") or ["no code came back"])
            raise OAuthFlowError(f"the login was refused: {told[:300]}")
        return AuthorizationCodeResult(
            code=said["code"][0], state=said.get("state", [None])[0], iss=said.get("iss", [None])[0]
        )

"""The two questions that a login asks the provider itself: what a code stands for, and who a person is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote_plus

import aiohttp
from pydantic import SecretStr

from stretto.auth.tokens import Claimed, Issuer
from stretto.auth.tokens.issuer import FETCH_S, is_safe, read_json
from stretto.errors import IssuerUnreachable, LoginRefused

MOST_CHARS = 500


async def redeem(
    issuer: Issuer, form: Mapping[str, str], client_id: str, client_secret: SecretStr | None
) -> tuple[str, str]:
    """The ID token and the access token (or "") that a code stands for (RFC 6749, 4.1.3).

    Raises `LoginRefused` when the provider does not take the code, or `IssuerUnreachable`.
    """
    url = await issuer.endpoint("token_endpoint")
    headers = {"accept": "application/json"}
    sent = {"grant_type": "authorization_code", **form}
    methods = (await issuer.document()).get("token_endpoint_auth_methods_supported")
    by_form = isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods
    if client_secret is None:
        sent["client_id"] = client_id
    elif by_form:
        sent |= {"client_id": client_id, "client_secret": client_secret.get_secret_value()}
    else:  # what everybody takes who does not say otherwise (OpenID Connect Discovery 1.0, section 3)
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret.get_secret_value())}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    answer = await _ask("POST", url, headers, sent)
    token, access = answer.get("id_token"), answer.get("access_token")
    if not isinstance(token, str):
        raise LoginRefused("The identity provider gave no ID token. Let STRETTO_OIDC_SCOPES have `openid`.")
    return token, access if isinstance(access, str) else ""


async def with_address(issuer: Issuer, who: Claimed, access_token: str) -> Claimed:
    """The person with name and verified address, where the provider tells these apart from the ID token (OpenID Connect
    Core 1.0, 5.3)."""
    url = (await issuer.document()).get("userinfo_endpoint")
    if who.email or not access_token or not isinstance(url, str) or not is_safe(url):
        return who
    told = await _ask("GET", url, {"accept": "application/json", "authorization": f"Bearer {access_token}"}, None)
    if told.get("sub") != who.subject:  # 5.3.2: else it may be somebody else's
        return who
    email, name = _said(told, "email"), _said(told, "name")
    return replace(who, email=email, email_verified=told.get("email_verified") is True, name=who.name or name)


def _said(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) and len(value) <= MOST_CHARS and value.isprintable() else ""


async def _ask(method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> dict[str, Any]:
    try:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status in (400, 401):
                why = await _reason(answer, url)
                raise LoginRefused(
                    f"The identity provider does not take this login ({why}). Begin again at /auth/login."
                )
            if answer.status != 200:
                raise IssuerUnreachable(f"{url} answered {answer.status}.")
            return await read_json(answer, url)
    except (aiohttp.ClientError, TimeoutError) as error:
        # The class only: what aiohttp says of a request may repeat it.
        raise IssuerUnreachable(f"{url} does not answer: {type(error).__name__}.") from None


async def _reason(answer: aiohttp.ClientResponse, url: str) -> str:
    """The code of an OAuth error, if it is one of RFC 6749, 5.2."""
    try:
        reason = cast("object", (await read_json(answer, url)).get("error"))
    except IssuerUnreachable:
        reason = None
    known = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type")
    return next((name for name in known if name == reason), f"status {answer.status}")

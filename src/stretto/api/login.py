"""Logging in and out with a browser. Other programs use keys or tokens.

Answers to browsers are small pages where something goes wrong; who does not accept HTML gets a problem document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode, urlsplit

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from stretto.api.authentication import is_here
from stretto.api.doors import REQUEST_ID, SESSION, PlatformDoor, platform_of
from stretto.api.errors import of_error
from stretto.api.guard import Served
from stretto.api.login_page import login_page
from stretto.auth.sessions import LONGEST_S, Session, Sessions
from stretto.errors import NotAllowed, NotFound, NotPossible, StrettoError
from stretto.store.acting import acting

if TYPE_CHECKING:
    from stretto.auth.login import Attempt, Callback, Login

router = APIRouter(prefix="/auth", tags=["login"])

ATTEMPT_S = 600
_SEE_OTHER: dict[int | str, dict[str, Any]] = {303: {"description": "Go on there."}}


_FROM_PROVIDER: Mapping[str, str] = {
    "code": "What the identity provider gives tokens for.",
    "state": "What it was given when the login began.",
    "iss": "Its issuer, where it says so (RFC 9207).",
    "error": "Why nobody has logged in.",
}


def _parameter(name: str, told: str) -> dict[str, Any]:
    # Read by hand: what is there twice must count as not there.
    return {"name": name, "in": "query", "schema": {"type": "string"}, "description": told}


class SessionShown(BaseModel):
    """Who has logged in. `csrf_token` goes with every change, as the header `X-Stretto-CSRF`."""

    by: str
    name: str
    email: str
    tenant: str
    csrf_token: str
    ends_at: datetime


@router.get("/login", status_code=303, response_class=RedirectResponse, responses=_SEE_OTHER)
async def log_in(
    request: Request,
    platform: PlatformDoor,
    next: Annotated[str, Query(max_length=2_000, description="A path of this server to go to afterwards.")] = "/",
    tenant: Annotated[str, Query(max_length=63, description="The tenant to log in to; default: the first.")] = "",
) -> Response:
    """Go to the identity provider to log in, and come back to `next`."""
    try:
        login, sessions = _login_of(request)
        if login is None or sessions is None:
            return RedirectResponse("/", 303)
        origin = _origin(request)
        if not _is_at(request, origin):  # the cookie must be of the name that the provider sends the browser back to
            return RedirectResponse(f"{origin}/auth/login?{urlencode({'next': next, 'tenant': tenant})}", 303)
        redirect = await login.begin(origin, next, tenant)
    except StrettoError as error:
        return _failed(request, error)
    answer = RedirectResponse(redirect.url, 303)
    _set_cookie(answer, _attempt_name(sessions), redirect.cookie, sessions.secure, ATTEMPT_S)
    return answer


@router.get(
    "/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses=_SEE_OTHER,
    openapi_extra={"parameters": [_parameter(name, told) for name, told in _FROM_PROVIDER.items()]},
)
async def come_back(request: Request, platform: PlatformDoor) -> Response:
    """Where the identity provider sends the browser back to."""
    try:
        login, sessions = _login_of(request)
        if login is None or sessions is None:
            raise NotFound("Nobody logs in here; this machine's owner needs no login.")
        callback = login.read(request.query_params.multi_items())
        attempt = login.attempt(request.cookies.get(_attempt_name(sessions), ""), callback)
    except StrettoError as error:
        return _failed(request, error)
    try:
        cookie = await _finish(request, login, sessions, attempt, callback)
    except StrettoError as error:
        answer = _failed(request, error)
    else:
        answer = RedirectResponse(attempt.next_path, 303)
        _set_cookie(answer, sessions.cookie_name, cookie, sessions.secure, int(LONGEST_S))
    _set_cookie(answer, _attempt_name(sessions), "", sessions.secure, 0)
    return answer


@router.get("/session")
async def get_session(request: Request) -> SessionShown:
    """The session of this browser, with the token that changes need."""
    session = request.scope.get(SESSION)
    if not isinstance(session, Session):
        raise NotFound("This request is of no session. `GET /v1/me` tells who asks.")
    return SessionShown(
        by=session.principal.by,
        name=session.name,
        email=session.email,
        tenant=session.tenant,
        csrf_token=session.csrf_token,
        ends_at=session.ends_at,
    )


@router.post("/logout", status_code=204)
async def log_out(request: Request, platform: PlatformDoor, response: Response) -> None:
    """End the session of this browser, if it has one. The identity provider's own session stays."""
    if platform.sessions is not None:
        await platform.sessions.end(request.cookies.get(platform.sessions.cookie_name, ""))
        _set_cookie(response, platform.sessions.cookie_name, "", platform.sessions.secure, 0)


async def _finish(request: Request, login: Login, sessions: Sessions, attempt: Attempt, callback: Callback) -> str:
    """The cookie of the new session; the browser's former one ends."""
    platform = platform_of(request)
    who = await login.finish(_origin(request), attempt, callback)
    with acting(who.by, str(request.scope.get(REQUEST_ID, "")), request.client.host if request.client else ""):
        principal = await platform.people.principal(who, attempt.tenant or None, "session")
        await sessions.end(request.cookies.get(sessions.cookie_name, ""))
        return await sessions.start(who, principal.tenant_id)


def _login_of(request: HTTPConnection) -> tuple[Login, Sessions] | tuple[None, None]:
    """What logs in; nothing where nobody needs to. Raises `NotFound` where it is not set up."""
    platform = platform_of(request)
    if platform.login is not None and platform.sessions is not None:
        return platform.login, platform.sessions
    if platform.settings.auth == "local" and is_here(request.scope):
        return None, None
    raise NotFound("Logging in is not set up here. Use a key, or set STRETTO_OIDC_ISSUER and STRETTO_OIDC_CLIENT_ID.")


def _origin(request: HTTPConnection) -> str:
    """The address to come back to: of the settings, never of whatever `Host` a request names, but for this machine's."""
    public_url = platform_of(request).settings.public_url
    if public_url is not None:
        return public_url.rstrip("/")
    host = request.headers.get("host", "")
    if not Served(local=True).names(host):
        raise NotPossible("Logging in from elsewhere needs this server's address in STRETTO_PUBLIC_URL.")
    return f"http://{host.lower()}"


def _is_at(request: HTTPConnection, origin: str) -> bool:
    return request.headers.get("host", "").lower() == urlsplit(origin).netloc.lower()


def _attempt_name(sessions: Sessions) -> str:
    return f"{sessions.cookie_name}-login"


def _set_cookie(answer: Response, name: str, value: str, secure: bool, for_s: int) -> None:
    """Set a cookie that no script reads and no other site's form sends along."""
    answer.set_cookie(name, value, max_age=for_s, path="/", secure=secure, httponly=True, samesite="lax")


def _failed(request: Request, error: StrettoError) -> Response:
    """What went wrong, as a page or as a problem document."""
    request.app.state.denials.note(request, error)
    answer = of_error(error)
    if "text/html" not in request.headers.get("accept", ""):
        return answer
    told = orjson.loads(answer.body)
    kept = {name: value for name, value in answer.headers.items() if name in ("retry-after", "www-authenticate")}
    title = "You are not a member here" if isinstance(error, NotAllowed) else told["title"]
    return login_page(answer.status_code, title, told["detail"], kept)

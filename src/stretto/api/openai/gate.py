"""What the doors reach through: the gateway, and the request as the doors need it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from stretto.api.doors import platform_of, principal_of
from stretto.api.openai.answering import UNEXPECTED, send_json
from stretto.api.openai.refusals import Dialect, body_of, refusal, told
from stretto.auth import Permission, Principal
from stretto.errors import RequestUnread, StrettoError
from stretto.gateway.assemble import OpenGateway
from stretto.gateway.provider import Caller

log = structlog.get_logger(__name__)
T = TypeVar("T")
Json = dict[str, Any]
LARGE_BYTES = 262_144
MOST_KEY_CHARS = 255


class Door(ABC):
    """A plain ASGI endpoint that answers in a dialect, without anything between it and the server.

    A door overrides `answer`; what that raises before anything was sent becomes an error in the dialect.
    """

    dialect: Dialect = "openai"
    permission: Permission = "models:call"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            principal = principal_of(request)
            principal.check(self.permission)
            await self.answer(request, principal, send)
        except StrettoError as error:
            request.app.state.denials.note(request, error)
            status, body, headers = refusal(self.dialect, error)
            await send_json(status, body, send, headers)
        except HTTPException as error:  # the body proved too long
            body = body_of(self.dialect, told(self.dialect, error.status_code, error.detail))
            await send_json(error.status_code, body, send, {})
        except ClientDisconnect:
            pass
        except Exception:
            log.exception("a door met a fault", path=scope["path"])
            body = body_of(self.dialect, told(self.dialect, 500, UNEXPECTED))
            await send_json(500, body, send, {})

    @abstractmethod
    async def answer(self, request: Request, principal: Principal, send: Send) -> None:
        """Answer a request whose principal is known."""


def gateway_of(request: Request) -> OpenGateway:
    """The one door to models."""
    return platform_of(request).gateway


async def read_body(request: Request, read: Callable[[bytes], T]) -> T:
    """The body, read; a large one in a thread, so that nothing else waits for it."""
    body = await request.body()
    return read(body) if len(body) <= LARGE_BYTES else await asyncio.to_thread(read, body)


def caller_of(request: Request, principal: Principal) -> Caller:
    """For whom the call is made. `x-stretto-priority` says how urgent it is, from 0 (first) to 3 (last)."""
    priority = priority_of(request)
    return (
        Caller(tenant_id=principal.tenant_id)
        if priority is None
        else Caller(tenant_id=principal.tenant_id, priority=priority)
    )


def priority_of(request: Request) -> int | None:
    """The priority that the request asks for, if it does."""
    text = request.headers.get("x-stretto-priority")
    if text is None:
        return None
    if text not in ("0", "1", "2", "3"):
        message = f"x-stretto-priority is 0 (first), 1, 2 or 3 (last), not {text!r}."
        raise RequestUnread(message, param="x-stretto-priority")
    return int(text)


def key_of(request: Request) -> str:
    """The request's `Idempotency-Key`; empty when it has none."""
    key = request.headers.get("idempotency-key", "")
    if len(key) > MOST_KEY_CHARS:
        message = f"An Idempotency-Key has at most {MOST_KEY_CHARS} characters; this has {len(key)}."
        raise RequestUnread(message, param="idempotency-key")
    return key

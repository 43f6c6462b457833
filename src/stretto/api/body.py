"""Reading a request's body: JSON that Stretto can keep, or a clear problem."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from stretto.store.idempotency import Once

MAX_DEPTH = 100
ONCE = "stretto.once"
"""Where a request's scope keeps what its `Idempotency-Key` stands for."""


class Body(BaseModel):
    """What a client sends. Names that are not known are mistakes, and no value is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class JsonRoute(APIRoute):
    """A route whose body is JSON; give it to a router as `route_class`."""

    reads: type[JsonRequest]
    """Which request reads the body; `JsonRequest` below."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the body read and checked before."""
        handle = super().get_route_handler()

        async def read_and_handle(request: Request) -> Response:
            if self.body_field is not None:
                request = self.reads(request.scope, request.receive)
                await request.read()
            response = await handle(request)
            once = request.scope.get(ONCE)
            if isinstance(once, Once) and once.replayed:
                response.headers["Idempotency-Replayed"] = "true"
            return response

        return read_and_handle


class JsonRequest(Request):
    """A request whose body has been read as JSON."""

    _value: object = None

    async def read(self) -> None:
        """Read the body. Raises what becomes a 400, 415 or 422."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPException(415, "The body must be JSON. Send it with `Content-Type: application/json`.")
        raw = await self.body()
        try:
            self._value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise HTTPException(
                400, f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
            ) from None
        if mistakes := misfits(self._value, raw):
            raise RequestValidationError(mistakes, body=self._value)

    async def json(self) -> object:
        """The value that was read."""
        return self._value


JsonRoute.reads = JsonRequest


def misfits(value: object, raw: bytes) -> list[dict[str, object]]:
    """What of a JSON value cannot be kept: text with U+0000, which PostgreSQL has not, and bottomless nesting."""
    if b"\\u0000" not in raw and raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return []
    found: list[dict[str, object]] = []
    todo: list[tuple[tuple[str | int, ...], object]] = [(("body",), value)]
    while todo:
        loc, part = todo.pop()
        if len(loc) > MAX_DEPTH:
            found.append({"type": "too_deep", "loc": loc, "msg": f"is nested more than {MAX_DEPTH} levels deep"})
        elif isinstance(part, str):
            if "\0" in part:
                found.append({"type": "nul", "loc": loc, "msg": "holds the character U+0000; remove it"})
        elif isinstance(part, list):
            todo += [((*loc, index), inner) for index, inner in enumerate(cast("list[object]", part))]
        elif isinstance(part, dict):
            for key, inner in cast("dict[str, object]", part).items():
                if "\0" in key:
                    found.append({"type": "nul", "loc": loc, "msg": "a key holds the character U+0000; remove it"})
                todo.append(((*loc, key), inner))
    return found

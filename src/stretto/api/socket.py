"""A run on a WebSocket: what happens in it, and commands to it, over one connection (docs/streaming.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from pydantic import Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnect

from stretto.api.body import Body, misfits
from stretto.api.control import Cancel, Inject, Pause, Resume, Retry, SetPriority, tell
from stretto.api.doors import PlatformDoor, PrincipalDoor, RunsDoor, needs
from stretto.api.errors import of_error, of_mistakes, problem, title_of
from stretto.api.event_stream import GOODBYE_S, OpenStreams
from stretto.api.openai.answering import CUT
from stretto.api.quota import holder_of, too_many
from stretto.api.standing import Standing, standing_of
from stretto.api.streams import place_in
from stretto.auth.quotas import RequestLimiter
from stretto.engine import Runs
from stretto.errors import NotIdentified, StrettoError
from stretto.stream import Cursor

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/runs", tags=["runs"])

CLOSING = 1012
"""The server ends; the client may come back (IANA: service restart)."""
NOT_TEXT = 1003
FAULT = 1011
UNAUTHORIZED = 3000
"""The key was revoked, or the session ended, while it was open (IANA's registry of close codes, as is the next)."""
FORBIDDEN = 3003
"""The role or the scopes no longer suffice."""
MOST_ID_CHARS = 100


class Watch(Body):
    """Send what happened after the cursor `after`, and what happens; instead of what was watched before."""

    command: Literal["watch"]
    after: str | None = None


class Unwatch(Body):
    """Send no more events."""

    command: Literal["unwatch"]


Message = Annotated[
    Watch | Unwatch | Pause | Resume | Cancel | Retry | Inject | SetPriority, Field(discriminator="command")
]
_read: TypeAdapter[Watch | Unwatch | Pause | Resume | Cancel | Retry | Inject | SetPriority] = TypeAdapter(Message)


@router.websocket("/{run_id}/control", dependencies=[needs("runs:read")])
async def control_socket(
    websocket: WebSocket, run_id: UUID, runs: RunsDoor, principal: PrincipalDoor, platform: PlatformDoor
) -> None:
    """Watch a run and tell it something. What is refused before it begins is refused over HTTP, with a problem document."""
    await runs.get(run_id)
    streams: OpenStreams = websocket.app.state.streams
    with streams.place(principal.tenant_id):
        standing = standing_of(websocket, "runs:read")
        await RunSocket(websocket, run_id, runs, standing, platform.requests, streams).serve()


class RunSocket:
    """One connection. Commands are carried out in the order in which they come; the next is read when one is done.
    Each message counts as a request."""

    def __init__(
        self,
        websocket: WebSocket,
        run_id: UUID,
        runs: Runs,
        standing: Standing,
        limiter: RequestLimiter,
        streams: OpenStreams,
    ) -> None:
        self._websocket = websocket
        self._run_id = run_id
        self._runs = runs
        self._standing = standing
        self._limiter = limiter
        self._streams = streams
        self._watching: asyncio.Task[None] | None = None
        self._sending = 0
        self._sent_at = 0.0

    async def serve(self) -> None:
        """Serve until the client leaves, does not read or may no longer, or the server closes."""
        await self._websocket.accept()
        tasks: list[asyncio.Task[int | bool | StrettoError]] = [
            asyncio.create_task(self._listen(), name="socket"),
            asyncio.create_task(self._until_stalled(), name="socket watch"),
            asyncio.create_task(self._streams.closing.wait(), name="socket closing"),
            asyncio.create_task(self._standing.lost(), name="socket standing"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            stalled = tasks[1].done()
            if stalled:
                log.info("cut off a WebSocket whose client does not read", stall_s=self._streams.stall_s)
                self._cut()
        finally:
            for task in tasks:
                task.cancel()
            await self._unwatch()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        if not stalled:
            listened, lost = results[0], results[-1]
            if isinstance(listened, Exception) and not isinstance(listened, WebSocketDisconnect):
                log.error("a WebSocket broke off", error=repr(listened))
                listened = FAULT
            code = listened if isinstance(listened, int) else CLOSING
            await self._say_goodbye(code, lost if isinstance(lost, StrettoError) else None)

    async def _say_goodbye(self, code: int, lost: StrettoError | None) -> None:
        if not code:
            return
        reason = None
        if lost is not None:
            code = UNAUTHORIZED if isinstance(lost, NotIdentified) else FORBIDDEN
            reason = title_of(type(lost).__name__)
            log.info("closed a WebSocket whose client may use it no longer", error=type(lost).__name__)
        try:
            async with asyncio.timeout(GOODBYE_S):
                with suppress(RuntimeError, OSError, WebSocketDisconnect):  # it has left meanwhile
                    if lost is not None:
                        await self._reply_problem(None, of_error(lost))
                    await self._websocket.close(code, reason)
        except TimeoutError:
            self._cut()

    def _cut(self) -> None:
        cut: Callable[[], None] | None = self._websocket.scope.get(CUT)
        if cut is not None:
            cut()

    async def _listen(self) -> int:
        """Take messages; gives the code to close with, 0 where the client has closed."""
        while True:
            message = await self._websocket.receive()
            if message["type"] != "websocket.receive":
                return 0
            text = message.get("text")
            if text is None:
                return NOT_TEXT
            await self._take(text)

    async def _take(self, text: str) -> None:
        try:
            value: object = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            wrong = problem(400, "BadRequest", f"The message is not JSON: {error.msg}.")
            await self._reply_problem(None, await self._refusal() or wrong)
            return
        given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        name: object = given.pop("id", None)
        if not (isinstance(name, int) or (isinstance(name, str) and len(name) <= MOST_ID_CHARS)):
            name = None
        if (refused := await self._refusal()) is not None:
            await self._reply_problem(name, refused)
            return
        if mistakes := misfits(cast("object", value), text.encode()):
            await self._reply_problem(name, of_mistakes(mistakes, cast("object", value)))
            return
        try:
            command = _read.validate_python(value)
        except ValidationError as error:
            wrong = [{**mistake, "loc": ("body", *mistake["loc"])} for mistake in error.errors(include_url=False)]
            await self._reply_problem(name, of_mistakes(wrong, cast("object", value)))
            return
        try:
            cursor = await self._carry_out(command)
        except StrettoError as error:
            self._websocket.app.state.denials.note(self._websocket, error)
            await self._reply_problem(name, of_error(error))
            return
        await self._send(orjson.dumps({"event": "done", "id": name, "command": command.command}).decode())
        if cursor is not None:
            self._watching = asyncio.create_task(self._watch(cursor, name), name="socket events")

    async def _refusal(self) -> JSONResponse | None:
        """Count a message; gives what is said of it when the quota has no room for it."""
        try:
            verdict = await self._limiter.take(self._standing.principal)
        except StrettoError as error:
            return of_error(error)
        if verdict.passes:
            return None
        self._streams.refused(holder_of(verdict))
        return of_error(too_many(verdict))

    async def _carry_out(
        self, command: Watch | Unwatch | Pause | Resume | Cancel | Retry | Inject | SetPriority
    ) -> Cursor | None:
        if isinstance(command, Watch):
            cursor = await place_in(self._runs, self._run_id, command.after)
            await self._unwatch()
            return cursor
        if isinstance(command, Unwatch):
            await self._unwatch()
            return None
        principal = self._standing.principal
        principal.check("runs:control")
        await tell(self._runs, self._run_id, command, principal.by)
        return None

    async def _watch(self, cursor: Cursor, name: object) -> None:
        try:
            async with aclosing(self._runs.batches(self._run_id, cursor)) as batches:
                async for batch in batches:
                    for line in batch.lines():
                        await self._send(line)
                        if not batch.shared:
                            await asyncio.sleep(0)
        except WebSocketDisconnect:
            pass
        except StrettoError as error:
            with suppress(WebSocketDisconnect):
                await self._reply_problem(name, of_error(error))
        except Exception:
            log.exception("a WebSocket's events broke off")
            raise

    async def _unwatch(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _reply_problem(self, name: object, answer: JSONResponse) -> None:
        told: Mapping[str, object] = orjson.loads(answer.body)
        reply: dict[str, object] = {"event": "problem", "id": name, "problem": told}
        if (wait_s := answer.headers.get("retry-after")) is not None:
            reply["retry_after_s"] = int(wait_s)
        await self._send(orjson.dumps(reply).decode())

    async def _send(self, text: str) -> None:
        if not self._sending:
            self._sent_at = asyncio.get_running_loop().time()
        self._sending += 1
        try:
            await self._websocket.send_text(text)
        finally:
            self._sending -= 1
        self._sent_at = asyncio.get_running_loop().time()

    async def _until_stalled(self) -> bool:
        stall_s = self._streams.stall_s
        while True:
            quiet_s = asyncio.get_running_loop().time() - self._sent_at
            if self._sending and quiet_s >= stall_s:
                return True
            await asyncio.sleep(stall_s - quiet_s if self._sending else stall_s)

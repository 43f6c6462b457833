"""One answer on its way from a model to a client: in pieces as they come, or whole.

The client's side and the model's side are a task each; neither does anything per token that it can do per batch. Whoever of
the two ends, ends the other: a client that leaves cancels the call, and the call closes its connection to the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from starlette.types import Receive, Send

from stretto.api.openai.outbox import MOST_WAITING_CHARS, MOST_WHOLE_CHARS, Outbox, Whole
from stretto.api.openai.refusals import object_of, refusal
from stretto.api.openai.voice import Voice
from stretto.errors import ModelBroken, NotPossible, StrettoError
from stretto.gateway.provider import Completion, Decision, TokenSink

log = structlog.get_logger(__name__)

HEARTBEAT_S = 10.0
"""Longest silence of a stream. Proxies cut a line that is quiet for 60 s (nginx's `proxy_read_timeout`), some after 30 s."""

HEARTBEAT = b": still here\n\n"

GRACE_S = 20.0
"""So long a client may take to read what waits for it once the answer has ended; then its connection is cut."""

CUT = "stretto.cut"
"""Where the scope holds what cuts the connection, if the server lets us: ASGI has no word for it."""

UNEXPECTED = "Something went wrong in the server. Its log tells more; please report it."

UNHEARD = "The answer was cut off: this client does not read it, and too much of it waits."
TOO_LONG = f"The answer is longer than {MOST_WHOLE_CHARS:,} characters. Ask for it in pieces, with `stream`."

SSE_HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))
JSON_HEADERS = ((b"content-type", b"application/json"),)

Headers = list[tuple[bytes, bytes]]


class DoorSink(TokenSink, Protocol):
    """A sink of the door; a source that can wait lets it `drain`."""

    async def drain(self) -> None: ...


Work = Callable[[DoorSink], Awaitable[Completion]]
"""Gives the answer: a call of the gateway, or a run of a flow."""


async def send_whole(work: Work, voice: Voice, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
    """Wait for the answer and send it in one piece. A client that leaves meanwhile cancels the work."""
    call: asyncio.Task[Completion] | None = None
    sink = Whole(lambda: call and call.cancel())
    call = asyncio.create_task(_settled(work, sink), name="door call")
    leaving = asyncio.create_task(client_left(receive), name="door client")
    try:
        await asyncio.wait((call, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not call.done():
            return
        if error := _failure(call, TOO_LONG if sink.is_over else ""):
            await send_refusal(error, voice, send, headers)
            return
        completion = call.result()
        body = voice.speak(completion.model or voice.model).whole(sink.text, completion)
        await send_json(200, body, send, {**headers, **told_of(completion, sink.decision)})
    finally:
        call.cancel()
        leaving.cancel()
        await asyncio.gather(call, leaving, return_exceptions=True)


async def send_stream(
    work: Work,
    voice: Voice,
    receive: Receive,
    send: Send,
    headers: Mapping[str, str],
    cut: Callable[[], object] | None = None,
) -> None:
    """Send the answer in pieces as they come. `cut` ends the connection of a client that does not read."""
    await _Stream(work, voice, receive, send, headers, cut).carry_out()


class _Stream:
    """A streamed answer. Its status is sent with the first piece, or with the first heartbeat."""

    def __init__(
        self,
        work: Work,
        voice: Voice,
        receive: Receive,
        send: Send,
        headers: Mapping[str, str],
        cut: Callable[[], object] | None,
    ) -> None:
        self._voice = voice
        self._speech = voice.speak(voice.model)
        self._send = send
        self._headers = headers
        self._cut = cut
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._overflow, MOST_WAITING_CHARS)
        self._has_begun = False
        self._is_quiet = False
        self._sent_at = self._loop.time()
        self._pulse: asyncio.TimerHandle | None = None
        self._limit: asyncio.Timeout | None = None
        self._call = asyncio.create_task(_settled(work, self._outbox), name="door call")
        self._leaving = asyncio.create_task(client_left(receive), name="door client")
        self._call.add_done_callback(self._outbox.wake)
        self._leaving.add_done_callback(self._outbox.wake)

    async def carry_out(self) -> None:
        """Send until one of the ends comes."""
        self._pulse = self._loop.call_later(HEARTBEAT_S, self._beat)
        try:
            async with asyncio.timeout(None) as limit:
                self._limit = limit
                self._call.add_done_callback(self._set_limit)
                try:
                    await self._pump()
                finally:
                    self._limit = None
        except TimeoutError:
            if self._cut is not None:
                self._cut()
                await asyncio.wait((self._leaving,), timeout=1)
        except asyncio.CancelledError:
            await self._say_goodbye()
        finally:
            self._pulse.cancel()
            self._call.cancel()
            self._leaving.cancel()
            await asyncio.gather(self._call, self._leaving, return_exceptions=True)
            self._outbox.close()

    async def _pump(self) -> None:
        outbox, call, speech = self._outbox, self._call, self._speech
        while not self._leaving.done():
            if parts := outbox.next_parts():
                is_last = call.done() and not outbox.has_more
                data = [speech.text(part) if isinstance(part, str) else speech.tool_call(part) for part in parts]
                if is_last:
                    data.append(self._last_words())
                await self._send_piece(b"".join(data), more=not is_last)
                if is_last:
                    return
            elif call.done():
                await self._end()
                return
            elif self._is_quiet:
                self._is_quiet = False
                await self._send_piece(HEARTBEAT)
            else:
                outbox.woken.clear()
                await outbox.woken.wait()

    async def _end(self) -> None:
        error = _failure(self._call, UNHEARD if self._outbox.is_over else "")
        if error is not None and not self._has_begun:
            await send_refusal(error, self._voice, self._send, self._headers)
        else:
            await self._send_piece(self._last_words(), more=False)

    def _last_words(self) -> bytes:
        error = _failure(self._call, UNHEARD if self._outbox.is_over else "")
        if error is None:
            return self._speech.end(self._call.result())
        return self._speech.broken(object_of(self._voice.dialect, error))

    async def _send_piece(self, data: bytes, *, more: bool = True) -> None:
        if not self._has_begun:
            self._has_begun = True
            headers = [*SSE_HEADERS, *to_raw({**self._headers, **_deployment_of(self._outbox.decision)})]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self._sent_at = self._loop.time()
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _beat(self) -> None:
        """Look whether the line has been quiet for long; once in a while, not once in a token."""
        quiet_s = self._loop.time() - self._sent_at
        if quiet_s >= HEARTBEAT_S:
            self._is_quiet = True
            self._outbox.wake()
            quiet_s = 0.0
        self._pulse = self._loop.call_later(HEARTBEAT_S - quiet_s, self._beat)

    def _overflow(self) -> None:
        self._call.cancel()

    def _set_limit(self, _: object) -> None:
        if self._limit is not None:
            self._limit.reschedule(self._loop.time() + GRACE_S)

    async def _say_goodbye(self) -> None:
        """The server ends while the answer is under way."""
        self._call.cancel()
        if self._has_begun:
            error = NotPossible("The server is being stopped. Ask again in a moment.")
            try:
                async with asyncio.timeout(0.5):
                    await self._send_piece(self._speech.broken(object_of(self._voice.dialect, error)), more=False)
            except TimeoutError:
                pass


async def _settled(work: Work, sink: DoorSink) -> Completion:
    return await work(sink)


async def client_left(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _failure(call: asyncio.Task[Completion], overflown: str) -> StrettoError | None:
    """Why a call that has ended gave no answer; None when it gave one. `overflown` says so where its sink took no more."""
    if overflown:
        return NotPossible(overflown)
    if call.cancelled():
        return ModelBroken("The call was cancelled while it was answered. Ask again.")
    error = call.exception()
    if error is None or isinstance(error, StrettoError):
        return error
    log.error("a call at the door failed unexpectedly", exc_info=error)
    return StrettoError(UNEXPECTED)


def told_of(completion: Completion, decision: Decision | None) -> dict[str, str]:
    """The headers that tell of the call."""
    told = _deployment_of(decision)
    if completion.call_id is not None:
        told["x-stretto-call-id"] = str(completion.call_id)
    if completion.deployment:
        told["x-stretto-deployment"] = completion.deployment
    return told


def _deployment_of(decision: Decision | None) -> dict[str, str]:
    return {"x-stretto-deployment": decision.deployment} if decision is not None and decision.deployment else {}


def to_raw(headers: Mapping[str, str]) -> Headers:
    """Headers as ASGI has them. What stands in no header is written as a question mark."""
    return [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def send_json(status: int, body: bytes, send: Send, headers: Mapping[str, str]) -> None:
    """Send a whole answer."""
    raw = [*JSON_HEADERS, (b"content-length", b"%d" % len(body)), *to_raw(headers)]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(error: StrettoError, voice: Voice, send: Send, headers: Mapping[str, str]) -> None:
    """Send an error in the client's dialect."""
    status, body, told = refusal(voice.dialect, error)
    await send_json(status, body, send, {**headers, **told})

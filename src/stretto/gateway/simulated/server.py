"""The simulated provider as a server: both dialects, truly spoken, with faults to order (`stretto sim`)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import orjson
from aiohttp import web

from stretto.errors import ModelRefused, RequestUnread, StrettoError
from stretto.gateway.provider import Decision, TokenCounts, ToolCallPiece
from stretto.gateway.served import Asked, anthropic, openai
from stretto.gateway.simulated.cassette import Cassette
from stretto.gateway.simulated.pacer import Pacer
from stretto.gateway.simulated.quota import Quota
from stretto.gateway.simulated.reply import Prefixes, Reply, make_reply
from stretto.gateway.simulated.vectors import DIMENSIONS, simulate_vector
from stretto.gateway.simulated.wire_faults import Kind, WireFault, WireFaults, draw_fault, parse_fault
from stretto.gateway.tokens import split_tokens

Dialect = Literal["openai", "anthropic"]
Speech = openai.Speech | anthropic.Speech
MOST_BODY_BYTES = 64 * 1024 * 1024
MODELS = ("sim-small", "sim-large", "sim-embed")
FAULT_HEADER = "x-sim-fault"
_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class SimOptions:
    """How the server answers. Times in seconds; `fault_rates` are shares of requests (0-1), `jitter` a share of each time."""

    seed: int = 0
    ttft_s: float = 0.2
    tokens_per_s: float = 60.0
    jitter: float = 0.0
    answer_tokens: tuple[int, int] = (120, 360)
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    fault_rates: Mapping[Kind, float] = field(default_factory=dict[Kind, float])
    cassette: Cassette | None = None
    key: str | None = None
    """The one key that is accepted; None: any, or none."""


class SimServer:
    """Answers requests of both dialects. `faults` orders failures by the number of the request, from 1 on."""

    def __init__(self, options: SimOptions | None = None, faults: WireFaults | None = None) -> None:
        self.options = options or SimOptions()
        self.requests = 0
        self.active = 0
        """Answers that are being written."""
        self._faults = faults
        self._quota = Quota(self.options.requests_per_minute, self.options.tokens_per_minute)
        self._prefixes = Prefixes()
        self._pacer: Pacer | None = None
        self.app = web.Application(client_max_size=MOST_BODY_BYTES)
        self.app.add_routes(
            [
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/messages", self._messages),
                web.post("/v1/embeddings", self._embeddings),
                web.get("/v1/models", self._models),
            ]
        )

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[str]:
        """Serve on an address and port (0: any free one); gives the base URL, such as `http://127.0.0.1:8701/v1`."""
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=2048)
            await site.start()
            address = runner.addresses[0]
            yield f"http://{address[0]}:{address[1]}/v1"
        finally:
            await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "openai")

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "anthropic")

    async def _answer(self, request: web.Request, dialect: Dialect) -> web.StreamResponse:
        self.requests += 1
        number = self.requests
        body = await request.read()
        try:
            asked = openai.read_request(body) if dialect == "openai" else anthropic.read_request(body)
            ordered = request.headers.get(FAULT_HEADER)
            fault = parse_fault(ordered) if ordered else self._planned(number)
            reply = make_reply(
                self.options.seed, asked.request, self.options.answer_tokens, self._prefixes, self.options.cassette
            )
        except (RequestUnread, ModelRefused) as error:
            return self._refuse(dialect, 400, error.message, param=_param(error))
        key = _key_of(request)
        refused = self._refused(request, dialect, key, reply)
        if refused is not None:
            return refused
        if fault is None and self.options.fault_rates:
            rng = Random(f"{self.options.seed}/fault/{number}")
            fault = draw_fault(rng, self.options.fault_rates, len(reply.tokens))
        if fault is not None and fault.kind == "status":
            await asyncio.sleep(self._delay_s())
            return self._refuse(dialect, fault.code, "This failure was ordered.", retry_after_s=fault.retry_after_s)
        headers = self._quota.headers(key, dialect) | {"x-request-id": f"req_sim_{secrets.token_hex(8)}"}
        speech = self._speech(dialect, asked, reply)
        self.active += 1
        try:
            if asked.stream:
                return await self._stream(request, speech, reply, fault, headers)
            return await self._whole(request, speech, reply, fault, headers)
        except ConnectionError:  # the client has gone, and nobody reads this
            return web.Response()
        finally:
            self.active -= 1

    def _planned(self, number: int) -> WireFault | None:
        if self._faults is None:
            return None
        if callable(self._faults):
            return self._faults(number)
        return self._faults[number - 1] if number <= len(self._faults) else None

    def _refused(self, request: web.Request, dialect: Dialect, key: str, reply: Reply) -> web.Response | None:
        if self.options.key is not None and key != self.options.key:
            return self._refuse(dialect, 401, "Incorrect API key provided.")
        tokens = reply.completion.tokens
        waits_s = self._quota.take(key, tokens.all_input + tokens.output)
        if waits_s is None:
            return None
        message = f"Rate limit reached. Please try again in {waits_s:.3f}s."
        return self._refuse(dialect, 429, message, retry_after_s=waits_s, headers=self._quota.headers(key, dialect))

    def _speech(self, dialect: Dialect, asked: Asked, reply: Reply) -> Speech:
        completion = reply.completion
        if dialect == "openai":
            answer_id = f"chatcmpl-sim-{secrets.token_hex(12)}"
            return openai.Speech(completion.model, answer_id, include_usage=asked.include_usage)
        return anthropic.Speech(completion.model, f"msg_sim_{secrets.token_hex(12)}", completion.tokens)

    async def _whole(
        self, request: web.Request, speech: Speech, reply: Reply, fault: WireFault | None, headers: dict[str, str]
    ) -> web.StreamResponse:
        length = len(reply.tokens) + len(reply.pieces)
        await asyncio.sleep(self._delay_s() + length / self.options.tokens_per_s)
        said = speech.whole(reply.text, reply.completion)
        headers = {**headers, "content-type": "application/json"}
        if fault is None:
            return web.Response(body=said, headers=headers)
        if fault.kind == "malformed":
            return web.Response(body=said[: len(said) // 2], headers=headers)
        if fault.kind == "drip":
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            for start in range(0, len(said), 64):
                await response.write(said[start : start + 64])
                await asyncio.sleep(fault.seconds)
            return response
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
        _abort(request)
        return web.Response()

    async def _stream(
        self, request: web.Request, speech: Speech, reply: Reply, fault: WireFault | None, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "content-type": "text/event-stream; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        line = Line(request, speech, reply)
        tokens = reply.tokens or [""] * len(reply.pieces)
        if fault is not None and fault.kind == "drip":
            await self._drip(line, reply, fault)
            return await _ended(response)
        if fault is not None:
            tokens = tokens[: fault.after]
        if tokens:
            await self._pace().play(tokens, line, delay_s=self._delay_s())
        else:
            await asyncio.sleep(self._delay_s())
        if fault is not None:
            return await self._break(request, response, line, fault)
        line.send(speech.end(reply.completion))
        return await _ended(response)

    async def _break(
        self, request: web.Request, response: web.StreamResponse, line: Line, fault: WireFault
    ) -> web.StreamResponse:
        match fault.kind:
            case "malformed":
                line.send(b'data: {"choices": [{"delta": {"content\n\n')
            case "error":
                line.send(line.speech.broken({"type": "overloaded_error", "message": "This failure was ordered."}))
            case "unended":
                pass
            case _:
                if fault.kind == "stall":
                    await asyncio.sleep(fault.seconds)
                _abort(request)
                return response
        return await _ended(response)

    async def _drip(self, line: Line, reply: Reply, fault: WireFault) -> None:
        """Every byte in a chunk of its own, also those inside a character."""
        said = b"".join(map(line.speech.text, reply.tokens))
        said += b"".join(map(line.speech.tool_call, reply.pieces)) + line.speech.end(reply.completion)
        for place in range(len(said)):
            if line.is_gone:
                return
            line.send(said[place : place + 1])
            if place % 64 == 0:
                await asyncio.sleep(fault.seconds)

    def _pace(self) -> Pacer:
        loop = asyncio.get_running_loop()
        if self._pacer is None or self._pacer.loop is not loop:
            self._pacer = Pacer(loop, self.options.tokens_per_s)
        return self._pacer

    def _delay_s(self) -> float:
        jitter = self.options.jitter
        return self.options.ttft_s * (1 + (Random().uniform(-jitter, jitter) if jitter else 0.0))

    def _refuse(
        self,
        dialect: Dialect,
        status: int,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        kind = _TYPES.get(status, "api_error" if dialect == "anthropic" else "server_error")
        told: dict[str, Any]
        if dialect == "openai":
            told = {"error": {"message": message, "type": kind, "param": param or None, "code": None}}
        else:
            told = {"type": "error", "error": {"type": kind, "message": message}}
        said = dict(headers or {})
        if retry_after_s is not None:
            said["retry-after"] = str(max(int(retry_after_s + 0.999), 0))
            said["retry-after-ms"] = str(int(retry_after_s * 1000))
        return web.json_response(body=orjson.dumps(told), status=status, headers=said)

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        try:
            asked = openai.read_texts(await request.read())
        except RequestUnread as error:
            return self._refuse("openai", 400, error.message, param=_param(error))
        vectors = [simulate_vector(text, asked.dimensions or DIMENSIONS) for text in asked.texts]
        counts = TokenCounts(input=sum(len(split_tokens(text)) for text in asked.texts))
        said = openai.say_vectors(asked, f"simulated/{asked.model}", vectors, counts)
        return web.Response(body=said, content_type="application/json")

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=openai.say_models([f"simulated/{name}" for name in MODELS]), content_type="application/json"
        )


class Line:
    """The sink that puts tokens on the wire: bytes straight to the transport, since the pacer's time is shared by all.

    A client that does not read is cut off once `MOST_WAITING` bytes wait for it.
    """

    MOST_WAITING = 4 * 1024 * 1024

    def __init__(self, request: web.Request, speech: Speech, reply: Reply) -> None:
        self.speech = speech
        self._transport = request.transport
        self._pieces = iter(reply.pieces)
        self._has_text = bool(reply.tokens)
        self._logprobs = iter(reply.completion.logprobs)
        self._say = speech.text
        self._told = bool(reply.completion.logprobs)

    @property
    def is_gone(self) -> bool:
        """Whether the client has left."""
        return self._transport is None or self._transport.is_closing()

    def write(self, tokens: list[str]) -> None:
        """Say each token in an event of its own."""
        if not self._has_text:
            for _, piece in zip(tokens, self._pieces, strict=False):  # in this order, so that no piece is lost
                self.tool_call(piece)
        elif self._told and isinstance(self.speech, openai.Speech):
            self.send(b"".join(self.speech.text(token, [next(self._logprobs)]) for token in tokens))
        else:
            self.send(b"".join(map(self._say, tokens)))

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Say a piece of a tool call."""
        self.send(self.speech.tool_call(piece))

    def retract(self, reason: str) -> bool:
        """Nothing that was sent can be taken back."""
        return False

    def decided(self, decision: Decision) -> None:
        """Nothing is decided here."""

    def send(self, said: bytes) -> None:
        """Send bytes as one chunk (RFC 9112, 7.1). Raises `ConnectionResetError` when the client has gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        if said:
            transport.write(b"%x\r\n%b\r\n" % (len(said), said))
            if transport.get_write_buffer_size() > self.MOST_WAITING:
                transport.abort()


async def _ended(response: web.StreamResponse) -> web.StreamResponse:
    await response.write_eof()
    return response


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _key_of(request: web.Request) -> str:
    authorization = request.headers.get("authorization", "")
    return request.headers.get("x-api-key") or authorization.removeprefix("Bearer ").strip()


def _param(error: StrettoError) -> str | None:
    param = error.ids.get("param")
    return param if isinstance(param, str) else None

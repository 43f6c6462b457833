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
from aiohttp.typedefs import Handler

from stretto.errors import ModelRefused, RequestUnread, StrettoError
from stretto.gateway.provider import TokenCounts
from stretto.gateway.served import Asked, anthropic, openai
from stretto.gateway.simulated.cassette import Cassette
from stretto.gateway.simulated.line import Line, Speech
from stretto.gateway.simulated.pacer import Pacer
from stretto.gateway.simulated.quota import Quota
from stretto.gateway.simulated.reply import PREFIX, Prefixes, Reply, make_reply, model_of
from stretto.gateway.simulated.vectors import DIMENSIONS, simulate_vector
from stretto.gateway.simulated.wire_faults import Kind, WireFault, WireFaults, draw_fault, parse_fault
from stretto.gateway.tokens import split_tokens

Dialect = Literal["openai", "anthropic"]
MOST_BODY_BYTES = 64 * 1024 * 1024
MODELS = ("sim-small", "sim-large", "sim-embed")
FAULT_HEADER = "x-sim-fault"
REQUEST_ID: Mapping[Dialect, str] = {"openai": "x-request-id", "anthropic": "request-id"}
MALFORMED: Mapping[Dialect, bytes] = {
    "openai": b'data: {"choices": [{"delta": {"content\n\n',
    "anthropic": b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n',
}
ORDERED = "This failure was ordered."
PACES = 8
"""So many speeds there are with jitter, since the calls of one speed share a timer."""
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
    """How the server answers. Times in seconds; `fault_rates` are shares of requests (0-1).

    `jitter` is the share (0-1) by which the time to the first token and the speed differ from request to request.
    """

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
        self._pacers: list[Pacer] = []
        self.app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[self._tell_errors])
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
        # A client that leaves ends its answer, also where that waits or has fallen silent.
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=2048)
            await site.start()
            address = runner.addresses[0]
            shown = f"[{address[0]}]" if ":" in address[0] else address[0]
            yield f"http://{shown}:{address[1]}/v1"
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
            fault = self._ordered(request, number)
            reply = make_reply(
                self.options.seed, asked.request, self.options.answer_tokens, self._prefixes, self.options.cassette
            )
        except (RequestUnread, ModelRefused) as error:
            return self._refuse(dialect, 400, error.message, param=_param(error))
        counts = reply.completion.tokens
        call = _Call(request, dialect, _key_of(request), number, fault or self._drawn(number, len(reply.tokens)))
        refused = await self._refused(call, counts.all_input + counts.output)
        if refused is not None:
            return refused
        speech = self._speech(dialect, asked, reply)
        self.active += 1
        try:
            if asked.stream:
                return await self._stream(call, speech, reply)
            length_s = (len(reply.tokens) + len(reply.pieces)) / self.options.tokens_per_s
            await asyncio.sleep(self._delay_s(number) + length_s / self._speed(number))
            return await self._whole(call, speech.whole(reply.text, reply.completion))
        except ConnectionError:  # the client has gone, and nobody reads this
            return web.Response()
        finally:
            self.active -= 1

    def _ordered(self, request: web.Request, number: int) -> WireFault | None:
        ordered = request.headers.get(FAULT_HEADER)
        return parse_fault(ordered) if ordered else self._planned(number)

    def _drawn(self, number: int, tokens: int) -> WireFault | None:
        if not self.options.fault_rates:
            return None
        return draw_fault(Random(f"{self.options.seed}/fault/{number}"), self.options.fault_rates, tokens)

    def _planned(self, number: int) -> WireFault | None:
        if self._faults is None:
            return None
        if callable(self._faults):
            return self._faults(number)
        return self._faults[number - 1] if number <= len(self._faults) else None

    async def _refused(self, call: _Call, tokens: int) -> web.Response | None:
        """What is said in place of an answer: to a wrong key, beyond a limit, and where a failure was ordered."""
        dialect = call.dialect
        if self.options.key is not None and call.key != self.options.key:
            return self._refuse(dialect, 401, "Incorrect API key provided.")
        waits_s = self._quota.take(call.key, tokens)
        headers = self._quota.headers(call.key, dialect)
        if waits_s is not None:
            message = f"Rate limit reached. Please try again in {waits_s:.3f}s."
            return self._refuse(dialect, 429, message, retry_after_s=waits_s, headers=headers)
        fault = call.fault
        if fault is not None and fault.kind == "status":
            await asyncio.sleep(self._delay_s(call.number))
            return self._refuse(dialect, fault.code, ORDERED, retry_after_s=fault.retry_after_s, headers=headers)
        call.headers |= headers
        return None

    def _speech(self, dialect: Dialect, asked: Asked, reply: Reply) -> Speech:
        completion = reply.completion
        if dialect == "openai":
            answer_id = f"chatcmpl-sim-{secrets.token_hex(12)}"
            return openai.Speech(completion.model, answer_id, include_usage=asked.include_usage)
        return anthropic.Speech(completion.model, f"msg_sim_{secrets.token_hex(12)}", completion.tokens)

    async def _whole(self, call: _Call, said: bytes) -> web.StreamResponse:
        """Send an answer in one piece, or fail as is ordered."""
        headers = call.headers | {"content-type": "application/json"}
        fault = call.fault
        if fault is None:
            return web.Response(body=said, headers=headers)
        match fault.kind:
            case "malformed":
                return web.Response(body=said[: len(said) // 2], headers=headers)
            case "error":
                return self._refuse(call.dialect, 500, ORDERED)
            case "drip":
                response = web.StreamResponse(headers=headers)
                await response.prepare(call.request)
                for start in range(0, len(said), 64):
                    await response.write(said[start : start + 64])
                    await asyncio.sleep(fault.pause_s)
                return response
            case "stall":
                await asyncio.sleep(fault.pause_s)
            case _:
                pass
        _abort(call.request)
        return web.Response()

    async def _stream(self, call: _Call, speech: Speech, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers=call.headers | {"content-type": "text/event-stream; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(call.request)
        line, fault = Line(call.request, speech, reply), call.fault
        delay_s = self._delay_s(call.number)
        if fault is not None and fault.kind == "drip":
            await asyncio.sleep(delay_s)
            await self._drip(line, reply, fault)
            return await _ended(response)
        tokens = reply.tokens + [""] * len(reply.pieces)
        if fault is not None:
            tokens = tokens[: fault.after]
        if tokens:
            await self._pace(call.number).play(tokens, line, delay_s=delay_s)
        else:
            await asyncio.sleep(delay_s)
        if fault is not None:
            return await self._break(call, response, line, fault)
        line.send(speech.end(reply.completion))
        return await _ended(response)

    async def _break(
        self, call: _Call, response: web.StreamResponse, line: Line, fault: WireFault
    ) -> web.StreamResponse:
        match fault.kind:
            case "malformed":
                line.send(MALFORMED[call.dialect])
            case "error":
                line.send(line.speech.broken({"type": "overloaded_error", "message": ORDERED}))
            case "unended":
                pass
            case _:
                if fault.kind == "stall":
                    await asyncio.sleep(fault.pause_s)
                _abort(call.request)
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
                await asyncio.sleep(fault.pause_s)

    def _pace(self, number: int) -> Pacer:
        loop = asyncio.get_running_loop()
        if not self._pacers or self._pacers[0].loop is not loop:
            speeds = [self._speed(n) for n in range(PACES if self.options.jitter else 1)]
            self._pacers = [Pacer(loop, self.options.tokens_per_s * speed) for speed in speeds]
        return self._pacers[number % len(self._pacers)]

    def _speed(self, number: int) -> float:
        """How fast this request is answered: 1 as the options say, evenly from 1 - jitter to 1 + jitter."""
        share = 2 * (number % PACES) / (PACES - 1) - 1
        return max(1 + self.options.jitter * share, 0.01)

    def _delay_s(self, number: int) -> float:
        jitter = self.options.jitter
        if not jitter:
            return self.options.ttft_s
        return self.options.ttft_s * (1 + Random(f"{self.options.seed}/delay/{number}").uniform(-jitter, jitter))

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
        said = {REQUEST_ID[dialect]: _new_id(), **(headers or {})}
        if retry_after_s is not None:
            said["retry-after"] = str(max(int(retry_after_s + 0.999), 0))
            said["retry-after-ms"] = str(int(retry_after_s * 1000))
        return web.json_response(body=orjson.dumps(told), status=status, headers=said)

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        number = self.requests
        try:
            asked = openai.read_texts(await request.read())
            fault = self._ordered(request, number)
        except RequestUnread as error:
            return self._refuse("openai", 400, error.message, param=_param(error))
        counts = TokenCounts(input=sum(len(split_tokens(text)) for text in asked.texts))
        call = _Call(request, "openai", _key_of(request), number, fault or self._drawn(number, 0))
        refused = await self._refused(call, counts.input)
        if refused is not None:
            return refused
        vectors = [simulate_vector(text, asked.dimensions or DIMENSIONS) for text in asked.texts]
        try:
            return await self._whole(call, openai.say_vectors(asked, model_of(asked.model), vectors, counts))
        except ConnectionError:  # the client has gone
            return web.Response()

    async def _models(self, request: web.Request) -> web.StreamResponse:
        names = [f"{PREFIX}{name}" for name in MODELS]
        said = anthropic.say_models(names) if _dialect_of(request) == "anthropic" else openai.say_models(names)
        return web.Response(body=said, content_type="application/json")

    @web.middleware
    async def _tell_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say in the client's dialect what the HTTP server itself refuses: an unknown path, a method, a body too long."""
        try:
            return await handler(request)
        except web.HTTPClientError as error:
            message = f"{request.method} {request.path}: {error.reason.lower()}."
            return self._refuse(_dialect_of(request), error.status, message)


@dataclass(slots=True)
class _Call:
    """A request that is to be answered, and what its answer's headers will say."""

    request: web.Request
    dialect: Dialect
    key: str
    number: int
    fault: WireFault | None
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {REQUEST_ID[self.dialect]: _new_id()}


def _new_id() -> str:
    return f"req_sim_{secrets.token_hex(8)}"


def _dialect_of(request: web.Request) -> Dialect:
    """Anthropic's clients name the version that they speak."""
    return "anthropic" if "anthropic-version" in request.headers else "openai"


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

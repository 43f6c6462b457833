"""What the simulated server answers to a request, decided before the first token goes out."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random

import msgspec

from stretto.gateway.provider import (
    Completion,
    ModelRequest,
    StopReason,
    TokenCounts,
    TokenLogprob,
    ToolCall,
    ToolCallPiece,
    ToolSpec,
)
from stretto.gateway.simulated.cassette import Cassette
from stretto.gateway.simulated.provider import simulate_text
from stretto.gateway.simulated.reading import read_request
from stretto.gateway.simulated.value import write_value
from stretto.gateway.tokens import split_tokens

PREFIX = "simulated/"
MOST_PREFIXES = 10_000
LEAST_CACHED = 256
"""Shortest beginning, in tokens, that counts as read from the cache (OpenAI: 1,024; less here, so that tests stay small)."""
PIECE_CHARS = 12
REASONING_TOKENS = {"minimal": 16, "low": 64, "medium": 256, "high": 1_024, "xhigh": 2_048}


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: text as tokens, or tool calls with the pieces in which they go out."""

    tokens: list[str]
    completion: Completion
    pieces: list[ToolCallPiece] = field(default_factory=list[ToolCallPiece])

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.tokens)


class Prefixes:
    """Which beginnings of conversations were sent before, for counting what a provider's cache would have read."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, request: ModelRequest) -> int:
        """Tokens of the longest beginning that was sent before; remembers this one."""
        digest = blake2b(request.model.encode(), digest_size=16)
        tokens = cached = 0
        for message in request.messages:
            digest.update(msgspec.msgpack.encode(message))
            tokens += count(message.text)
            key = digest.digest()
            if key in self._seen:
                cached = tokens
                self._seen.move_to_end(key)
            else:
                self._seen[key] = None
        while len(self._seen) > MOST_PREFIXES:
            self._seen.popitem(last=False)
        return cached if cached >= LEAST_CACHED else 0


def count(text: str) -> int:
    """Tokens of a text: one for four characters, and one."""
    return len(text) // 4 + 1


def make_reply(
    seed: int,
    request: ModelRequest,
    answer_tokens: tuple[int, int],
    prefixes: Prefixes,
    cassette: Cassette | None = None,
) -> Reply:
    """The answer: of the cassette if it has one, else tool calls where they are asked for, else seeded text."""
    recorded = cassette.reply_to(request) if cassette is not None else None
    if recorded is not None:
        text, calls = recorded
    else:
        calls = simulate_calls(seed, request)
        text = "" if calls else simulate_text(seed, request, answer_tokens)
    tokens, stop_reason = split_tokens(text), "end"
    stopped = cut_at(text, request.stop)
    if stopped is not None:
        tokens, stop_reason = split_tokens(stopped), "stop_sequence"
    if request.max_tokens is not None and len(tokens) > request.max_tokens:
        tokens, stop_reason = tokens[: request.max_tokens], "length"
    reason: StopReason = "tool_calls" if calls else stop_reason
    reasoning = REASONING_TOKENS.get(request.reasoning_effort or "", 0)
    read = sum(count(message.text) for message in request.messages)
    cached = min(prefixes.cached_tokens(request), read - 1)
    shown = len(tokens) + sum(count(call.arguments) for call in calls)
    counts = TokenCounts(input=read - cached, cached_input=cached, output=shown + reasoning, reasoning=reasoning)
    logprobs = tuple(simulate_logprobs(seed, tokens, request.top_logprobs)) if request.top_logprobs is not None else ()
    completion = Completion(
        model=model_of(request.model),
        provider="simulated",
        stop_reason=reason,
        tokens=counts,
        simulated=True,
        tool_calls=tuple(calls),
        logprobs=logprobs,
    )
    return Reply(tokens, completion, list(pieces_of(calls)))


def model_of(name: str) -> str:
    """What an answer's `model` says: that it is simulated, and what was asked for."""
    return f"{PREFIX}{name.removeprefix(PREFIX)}"


def cut_at(text: str, stops: tuple[str, ...]) -> str | None:
    """The text before the first of these, or None when it holds none of them."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else None


def simulate_calls(seed: int, request: ModelRequest) -> list[ToolCall]:
    """Calls of tools where the request wants them: when it must, and when the last message names a tool.

    Arguments fit the tool's schema. Once tools have answered, text comes.
    """
    if not request.tools or request.tool_choice == "none" or not request.messages:
        return []
    last = request.messages[-1]
    if last.role == "tool":
        return []
    named = [tool for tool in request.tools if tool.name in last.text]
    if request.tool_choice == "required":
        named = named or list(request.tools[:1])
    elif request.tool_choice != "auto":
        named = [tool for tool in request.tools if tool.name == request.tool_choice]
    if request.parallel_tool_calls is False:
        named = named[:1]
    return [_call(seed, request, tool, n) for n, tool in enumerate(named)]


def _call(seed: int, request: ModelRequest, tool: ToolSpec, n: int) -> ToolCall:
    rng = Random(f"{seed}/{tool.name}/{request.messages[-1].text}")
    value = write_value(dict(tool.parameters), read_request(request), rng)
    return ToolCall(f"call_sim_{rng.getrandbits(64):016x}_{n}", tool.name, json.dumps(json.loads(value)))


def pieces_of(calls: list[ToolCall]) -> list[ToolCallPiece]:
    """The pieces in which calls go out: the name first, then the arguments bit by bit."""
    pieces: list[ToolCallPiece] = []
    for n, call in enumerate(calls):
        pieces.append(ToolCallPiece(n, id=call.id, name=call.name))
        for start in range(0, len(call.arguments), PIECE_CHARS):
            pieces.append(ToolCallPiece(n, call.arguments[start : start + PIECE_CHARS]))
    return pieces


def simulate_logprobs(seed: int, tokens: list[str], top: int) -> list[TokenLogprob]:
    """Seeded log-probabilities: the chosen token is the likeliest, and all at its place sum to less than 1."""
    rng = Random(f"{seed}/logprobs/{len(tokens)}")
    found: list[TokenLogprob] = []
    for token in tokens:
        chance = rng.uniform(0.4, 0.99)
        others = [(f"{token}~{n}", math.log((1 - chance) / 2**n)) for n in range(1, top)]
        chosen = math.log(chance)
        found.append(TokenLogprob(token, chosen, ((token, chosen), *others) if top else ()))
    return found

"""The scripted model: a test says what the model answers, and may decide when each token goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, cast

import orjson

from stretto.errors import ModelError, ModelRefused
from stretto.gateway.provider import Completion, ModelRequest, TokenCounts, TokenSink, ToolCall
from stretto.gateway.tokens import split_tokens


class Asks:
    """An answer that wants tools called: `Asks(("text.count", {"text": "a"}), text="Let me count.")`."""

    def __init__(self, *calls: tuple[str, Mapping[str, Any] | str], text: str = "") -> None:
        self.calls = calls
        self.text = text

    def as_calls(self, number: int) -> tuple[ToolCall, ...]:
        """As a provider gives them, in its `number`th answer; a dot in a name becomes an underscore."""
        return tuple(
            ToolCall(
                f"call_{number}_{index}",
                name.replace(".", "_"),
                arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode(),
            )
            for index, (name, arguments) in enumerate(self.calls)
        )


Answer = str | Exception | Sequence[str | Exception] | Mapping[str, Any] | Asks
"""One answer: a text, which is cut into tokens; the tokens themselves, an exception among them raised in
its place; an exception; a mapping, sent as JSON; or tools to be called."""

Script = (
    Mapping[str, Answer | Sequence[Answer]] | Sequence[Answer] | Callable[[ModelRequest], Answer | Awaitable[Answer]]
)
"""By name, the name's answers in order (a single text or mapping answers every time); the answers in the
order of the calls, whoever asks; or a function of the request."""


@dataclass(eq=False, slots=True)
class _Call:
    name: str
    request: ModelRequest
    permits: int = 0
    written: int = 0
    ended: bool = False
    change: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        # Waiters hold the event that they wait on; the next change gets a new one.
        event, self.change = self.change, asyncio.Event()
        event.set()


class ScriptedModel:
    """A `ModelProvider` that answers by a script and records every request.

    A name of the script is looked for in this order: the step's path (`build[2].code`), the step's id
    (`code`), the agent, the model's route, and last the name of this model (`scripted`). In a list of answers, each is one call's; a list of tokens is
    a list within that list. `gated`: every token waits for `release`.
    """

    def __init__(self, script: Script, *, name: str = "scripted", gated: bool = False) -> None:
        self.name = name
        self.simulated = True
        self.requests: list[ModelRequest] = []
        self.gated = gated
        self._script = script
        self._used: dict[str, int] = {}
        self._calls: list[_Call] = []
        self._opened = asyncio.Event()
        self._closed = False

    @property
    def active(self) -> int:
        """How many calls are being answered."""
        return len(self._calls)

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Answer by the script; the contract is that of `ModelProvider`."""
        if self._closed:
            raise ModelError(f"The model {self.name!r} is closed. Make a new one.")
        self.requests.append(request)
        name, answer = self._find_answer(request)
        call = _Call(name, request)
        self._calls.append(call)
        self._announce()
        try:
            if isawaitable(answer):
                answer = await answer
            tokens, stop_reason, asked = to_tokens(answer), "end", ()
            if isinstance(answer, Asks) and request.tool_choice != "none":
                stop_reason, asked = "tool_calls", answer.as_calls(len(self.requests))
            if request.max_tokens is not None and len(tokens) > request.max_tokens:
                tokens, stop_reason = tokens[: request.max_tokens], "length"
            await self._write(call, tokens, sink)
        finally:
            call.ended = True
            self._calls.remove(call)
            call.tell()
        return Completion(
            model=f"{self.name}/{request.model}",
            provider=self.name,
            stop_reason=stop_reason,
            tool_calls=asked,
            tokens=TokenCounts(
                input=sum(len(split_tokens(message.text)) for message in request.messages), output=call.written
            ),
            simulated=self.simulated,
        )

    async def release(self, n: int = 1, *, of: str | None = None) -> int:
        """Let the oldest call (of this name) write `n` more tokens, and return how many it wrote.

        Waits for a call when there is none yet, and until the tokens are written; fewer are written when
        the answer ends first.
        """
        call = await self._next_call(of)
        before = call.written
        call.permits += n
        call.tell()
        while not call.ended and call.permits:
            await call.change.wait()
        if call.written - before == n and not call.ended:
            await asyncio.sleep(0)  # an answer whose last token this was ends now
        return call.written - before

    def open(self) -> None:
        """Let all tokens go from now on."""
        self.gated = False
        for call in self._calls:
            call.tell()

    async def close(self) -> None:
        """Refuse every later call."""
        self._closed = True

    async def _write(self, call: _Call, tokens: list[str | Exception], sink: TokenSink) -> None:
        for token in tokens:
            while self.gated and not call.permits:
                await call.change.wait()
            if isinstance(token, Exception):
                raise token
            sink.write([token])
            call.written += 1
            if call.permits:
                call.permits -= 1
                if not call.permits:
                    call.tell()
            if not self.gated:
                await asyncio.sleep(0)  # as on a wire, others may run between two tokens
        if not tokens:
            await asyncio.sleep(0)

    async def _next_call(self, of: str | None) -> _Call:
        while True:
            for call in self._calls:
                if of is None or of in names_of(call.request):
                    return call
            await self._opened.wait()

    def _announce(self) -> None:
        event, self._opened = self._opened, asyncio.Event()
        event.set()

    def _find_answer(self, request: ModelRequest) -> tuple[str, Answer | Awaitable[Answer]]:
        script = self._script
        if callable(script):
            return request.model, script(request)
        if not isinstance(script, Mapping):
            return "", self._take("", script, "the script")
        for name in (*names_of(request), self.name):
            if name in script:
                answers = script[name]
                if isinstance(answers, (str, Exception, Mapping, Asks)):
                    return name, cast("Answer", answers)
                return name, self._take(name, cast("Sequence[Answer]", answers), f"the script of {name!r}")
        raise ModelRefused(
            f"The script has no answer for {' / '.join(map(repr, names_of(request)))}; it has: {', '.join(script)}."
        )

    def _take(self, name: str, answers: Sequence[Answer], whose: str) -> Answer:
        used = self._used.get(name, 0)
        if used >= len(answers):
            raise ModelRefused(f"There is no answer left: {whose} has {len(answers)}, and this is call {used + 1}.")
        self._used[name] = used + 1
        return answers[used]


def names_of(request: ModelRequest) -> list[str]:
    """The names under which a script may hold the answer to a request, the most precise first."""
    caller = request.caller
    return [name for name in (caller.path, caller.step_id, caller.agent, request.model) if name]


def to_tokens(answer: Answer) -> list[str | Exception]:
    """The tokens of an answer, and the exceptions among them."""
    match answer:
        case str():
            return list(split_tokens(answer))
        case Exception():
            return [answer]
        case Asks():
            return list(split_tokens(answer.text))
        case Mapping():
            return list(split_tokens(orjson.dumps(answer).decode()))
        case _:
            return list(answer)

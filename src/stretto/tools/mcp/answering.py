"""Answers what a server asks in the middle of calls. Loads the SDK, so it is imported on use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

import structlog
from mcp.client.session import ClientRequestContext
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    ErrorData,
    ImageContent,
    SamplingMessage,
    TextContent,
)

from stretto.errors import StrettoError
from stretto.gateway.provider import Image, Message, Part, Text
from stretto.gateway.tool_servers import ToolServer
from stretto.tools.mcp.asks import CODE_REFUSED, Asker, ModelAsked, PersonAsked, PersonSaid, Ports
from stretto.tools.mcp.patience import Patience
from stretto.tools.mcp.people import defaults_of
from stretto.tools.mcp.secrets import Secrets

log = structlog.get_logger(__name__)

MOST_ASKS = 20
"""So many times a server may ask in one call."""
MOST_QUESTION = 1_000
"""So many characters of a question are shown."""
_CURRENT: ContextVar[Asker | None] = ContextVar("asker", default=None)


@dataclass(slots=True, eq=False)
class Call:
    """A call at work, and what its server asks in it."""

    asker: Asker
    patience: Patience
    questions: list[str] = field(default_factory=list[str])
    """One for each: what was left without an answer, in words."""
    asked: list[PersonAsked] = field(default_factory=list[PersonAsked])
    asking: set[asyncio.Task[PersonSaid]] = field(default_factory=set["asyncio.Task[PersonSaid]"])


class Answering:
    """What the calls of one connection let its server ask."""

    def __init__(self, server: ToolServer, secrets: Secrets, ports: Ports) -> None:
        self._server = server
        self._secrets = secrets
        self._ports = ports
        self._asked: dict[int, Call] = {}
        """Calls at work."""

    @asynccontextmanager
    async def calls_of(self, asker: Asker) -> AsyncGenerator[Patience]:
        """The time of one call."""
        call = self._asked[id(asker)] = Call(asker, Patience(self._server.timeout_s))
        before = _CURRENT.set(asker)
        try:
            yield call.patience
        finally:
            _CURRENT.reset(before)
            del self._asked[id(asker)]
            for asking in call.asking:
                asking.cancel()

    def unheard(self, asker: Asker) -> str:
        """In words, what the server asked in this call and did not hear."""
        questions = [each for each in self._asked[id(asker)].questions if each]
        return f" It had asked: {' '.join(questions)}" if questions else ""

    def _asker(self) -> Asker | None:
        """For whose call it asks: since 2026-07-28 it says so, before it is clear when there is one call only."""
        if (asker := _CURRENT.get()) is not None and id(asker) in self._asked:
            return asker
        only = list(self._asked.values())
        return only[0].asker if len(only) == 1 else None

    def _numbered(self, asker: Asker) -> Asker | None:
        """The same with the number of this question; None when there were too many."""
        questions = self._asked[id(asker)].questions
        if len(questions) >= MOST_ASKS:
            return None
        questions.append("")
        return replace(asker, number=len(questions))

    async def sample(
        self, context: ClientRequestContext, params: CreateMessageRequestParams
    ) -> CreateMessageResult | ErrorData:
        """Let a model answer, under the tenant and the budget of the call for which the server asks."""
        asker = self._asker()
        if asker is None or self._ports.on_sample is None:
            return ErrorData(code=INVALID_REQUEST, message="It is not clear for which call a model is asked for.")
        numbered = self._numbered(asker)
        if numbered is None:
            return ErrorData(code=CODE_REFUSED, message=f"A call may ask a model {MOST_ASKS} times at most.")
        try:
            asked = ModelAsked(
                messages=to_messages(params),
                max_tokens=params.max_tokens,
                temperature=params.temperature,
                stop=tuple(params.stop_sequences or ()),
            )
            said = await self._ports.on_sample(numbered, asked)
        except StrettoError as error:
            return ErrorData(code=CODE_REFUSED, message=f"No model answers: {error.message}")
        except ValueError as error:
            return ErrorData(code=INVALID_REQUEST, message=str(error))
        except Exception:
            log.exception("a server asked for a model, which could not be asked", server=self._server.name)
            return ErrorData(code=INTERNAL_ERROR, message="No model answers.")
        return CreateMessageResult(
            role="assistant",
            content=TextContent(type="text", text=self._secrets.cover(said.text)),
            model=said.model,
            stop_reason=said.stop,
        )

    async def elicit(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        """Hand a question on to a person, or decline it with the reason why nobody is asked."""
        asker = self._asker()
        message = self._secrets.cover(params.message)[:MOST_QUESTION]
        if asker is None:
            return unanswered(PersonSaid("decline", why="It is not clear for which call a person is asked."))
        numbered = self._numbered(asker)
        if numbered is None:
            return unanswered(PersonSaid("decline", why=f"A call may ask {MOST_ASKS} times at most."))
        call = self._asked[id(asker)]
        said = await self._answer(call, numbered, self._question(call, message, params))
        if said.action != "accept":
            call.questions[numbered.number - 1] = f"“{message}”. {said.why}"
            log.info("a server of tools asked a person, and got no answer", server=self._server.name, asked=message)
            return unanswered(said)
        if isinstance(params, ElicitRequestURLParams):
            return ElicitResult(action="accept")
        return ElicitResult(action="accept", content=defaults_of(params.requested_schema) | dict(said.content or {}))

    def _question(self, call: Call, message: str, params: ElicitRequestParams) -> PersonAsked:
        within_s = self._server.elicitation_s
        if isinstance(params, ElicitRequestURLParams):
            asked = PersonAsked(message, url=self._secrets.cover(params.url), within_s=within_s)
        else:
            asked = PersonAsked(message, schema=self._secrets.cover_all(params.requested_schema), within_s=within_s)
        asked = replace(asked, before=sum(each == asked for each in call.asked))
        call.asked.append(replace(asked, before=0))
        return asked

    async def _answer(self, call: Call, asker: Asker, asked: PersonAsked) -> PersonSaid:
        """What a person says. The call's time stands still meanwhile; when the call ends, the question does."""
        if not asked.within_s:
            return PersonSaid("decline", why="The configuration says that nobody is asked.")

        async def ask() -> PersonSaid:
            return await self._ports.on_elicit(asker, asked)

        asking = asyncio.create_task(ask(), name=f"question of {asker.tool}")
        call.asking.add(asking)
        call.patience.hold()
        try:
            await asyncio.wait([asking])
            if asking.cancelled():
                return PersonSaid("cancel", why="The call is over.")
            return asking.result()
        except StrettoError as error:
            return PersonSaid("cancel", why=error.message)
        finally:
            asking.cancel()
            call.asking.discard(asking)
            call.patience.go_on()


def unanswered(said: PersonSaid) -> ElicitResult:
    """The answer of somebody who does not answer. The protocol has no field for the reason but `_meta`."""
    return ElicitResult(action=said.action, _meta={"stretto/reason": said.why})


def to_messages(params: CreateMessageRequestParams) -> tuple[Message, ...]:
    """The conversation as the gateway has it. Raises `ValueError` for what no model here can be given."""
    messages = [Message("system", params.system_prompt)] if params.system_prompt else []
    return (*messages, *(to_message(each) for each in params.messages))


def to_message(said: SamplingMessage) -> Message:
    """One turn of it."""
    blocks = said.content if isinstance(said.content, list) else [said.content]
    parts: list[Part] = []
    for block in blocks:
        if isinstance(block, TextContent):
            parts.append(Text(block.text))
        elif isinstance(block, ImageContent):
            parts.append(Image(media_type=block.mime_type, data=block.data))
        else:
            raise ValueError(f"A model can be given text and images, but not {block.type}.")
    if len(parts) == 1 and isinstance(parts[0], Text):
        return Message(said.role, parts[0].text)
    return Message(said.role, tuple(parts))

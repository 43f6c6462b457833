"""Answers what a server asks in the middle of calls. Loads the SDK, so it is imported on use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

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
from stretto.tools.mcp.asks import CODE_REFUSED, Asker, ModelAsked, PersonAsked, Ports
from stretto.tools.mcp.secrets import Secrets

log = structlog.get_logger(__name__)

MOST_ASKS = 20
"""So many times a server may ask in one call."""
_CURRENT: ContextVar[Asker | None] = ContextVar("asker", default=None)


class Answering:
    """What the calls of one connection let its server ask."""

    def __init__(self, server: ToolServer, secrets: Secrets, ports: Ports) -> None:
        self._server = server
        self._secrets = secrets
        self._ports = ports
        self._asked: dict[int, tuple[Asker, list[str]]] = {}
        """Calls at work, and what each left without an answer."""

    @asynccontextmanager
    async def calls_of(self, asker: Asker) -> AsyncGenerator[None]:
        """The time of one call."""
        self._asked[id(asker)] = asker, []
        before = _CURRENT.set(asker)
        try:
            yield
        finally:
            _CURRENT.reset(before)
            del self._asked[id(asker)]

    def unheard(self, asker: Asker) -> str:
        """In words, what the server asked in this call and did not hear."""
        questions = [each for each in self._asked[id(asker)][1] if each]
        return f" It had asked: {' '.join(questions)}" if questions else ""

    def _asker(self) -> Asker | None:
        """For whose call it asks: since 2026-07-28 it says so, before it is clear when there is one call only."""
        if (asker := _CURRENT.get()) is not None and id(asker) in self._asked:
            return asker
        only = list(self._asked.values())
        return only[0][0] if len(only) == 1 else None

    def _numbered(self, asker: Asker) -> Asker | None:
        """The same with the number of this question; None when there were too many."""
        questions = self._asked[id(asker)][1]
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
        message = self._secrets.cover(params.message)[:1_000]
        if asker is None:
            return declined("It is not clear for which call a person is asked.")
        numbered = self._numbered(asker)
        if numbered is None:
            return declined(f"A call may ask {MOST_ASKS} times at most.")
        if isinstance(params, ElicitRequestURLParams):
            asked = PersonAsked(message, url=params.url)
        else:
            asked = PersonAsked(message, schema=params.requested_schema)
        said = await self._ports.on_elicit(numbered, asked)
        if said.action != "accept":
            self._asked[id(asker)][1][numbered.number - 1] = f"“{message}”. {said.why}"
            log.info("a server of tools asked a person, and was declined", server=self._server.name, asked=message)
            return declined(said.why)
        if asked.schema is None:
            return ElicitResult(action="accept")
        return ElicitResult(action="accept", content=defaults_of(asked.schema) | dict(said.content or {}))


def declined(why: str) -> ElicitResult:
    """The answer of somebody who does not answer. The protocol has no field for the reason but `_meta`."""
    return ElicitResult(action="decline", _meta={"stretto/reason": why})


def defaults_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says of fields that are left out."""
    fields: Mapping[str, Any] = form.get("properties", {})
    return {name: field["default"] for name, field in fields.items() if isinstance(field, dict) and "default" in field}


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

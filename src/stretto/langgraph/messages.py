"""LangChain's messages and tools as the gateway's, and its answers as LangChain's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from stretto.errors import ModelRefused
from stretto.gateway.provider import (
    Completion,
    Image,
    Message,
    Part,
    Role,
    StopReason,
    Text,
    TokenCounts,
    ToolCall,
    ToolSpec,
)

PROVIDER = "stretto"
_FINISHED: Mapping[StopReason, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
}
_ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def to_messages(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """The conversation. Raises `ModelRefused` for what the gateway cannot say."""
    return tuple(map(to_message, messages))


def to_message(message: BaseMessage) -> Message:
    """One message."""
    content = _content(message)
    match message:
        case AIMessage():
            calls = [
                ToolCall(call["id"] or "", call["name"], json.dumps(call["args"], ensure_ascii=False))
                for call in message.tool_calls
            ]
            calls += [
                ToolCall(call["id"] or "", call["name"] or "", call["args"] or "")
                for call in message.invalid_tool_calls
            ]
            return Message("assistant", content, tuple(calls))
        case ToolMessage():
            return Message("tool", content, tool_call_id=message.tool_call_id)
        case SystemMessage():
            return Message("system", content)
        case HumanMessage():
            return Message("user", content)
        case ChatMessage() if message.role in _ROLES:
            return Message(_ROLES[message.role], content)
        case _:
            raise _unsayable(type(message).__name__)


def _content(message: BaseMessage) -> str | tuple[Part, ...]:
    content = cast("str | list[str | dict[str, Any]]", message.content)
    if isinstance(content, str):
        return content
    parts = [part for block in content if (part := _part(block)) is not None]
    texts = [part for part in parts if isinstance(part, Text)]
    return "".join(part.text for part in texts) if len(texts) == len(parts) else tuple(parts)


def _part(block: str | Mapping[str, Any]) -> Part | None:
    if isinstance(block, str):
        return Text(block)
    match block:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "image_url", "image_url": {"url": str(url)}} | {"type": "image_url", "image_url": str(url)}:
            return _image(url)
        case {"type": "image", "url": str(url)}:
            return _image(url)
        case {"type": "image", "base64": str(data), "mime_type": str(kind)}:
            return Image(media_type=kind, data=data)
        case {"type": "tool_use" | "tool_call" | "reasoning" | "thinking"}:
            return None  # calls stand with the message, and what a model thought is not said again
        case _:
            raise _unsayable(str(block.get("type", "a block without a type")))


def _image(url: str) -> Image:
    if url.startswith("data:"):
        kind, _, data = url.removeprefix("data:").partition(";base64,")
        return Image(media_type=kind, data=data)
    return Image(url=url)


def _unsayable(what: str) -> ModelRefused:
    return ModelRefused(
        f"The gateway takes text, images and tools; {what} cannot be sent through it. Give its content as text, or as an image."
    )


def to_spec(tool: Mapping[str, Any]) -> ToolSpec:
    """A tool, from the form that `convert_to_openai_tool` gives it."""
    function = tool["function"]
    return ToolSpec(
        name=function["name"],
        description=function.get("description") or "",
        parameters=function.get("parameters") or {"type": "object", "properties": {}},
        strict=bool(function.get("strict")),
    )


def to_choice(choice: object, tools: Sequence[ToolSpec]) -> str:
    """Which tool the model may or must call. Raises `ModelRefused` for one that there is not."""
    if choice is None or not tools:
        return "auto"
    if choice is True or choice == "any":
        return "required"
    if isinstance(choice, dict):
        choice = cast("dict[str, Any]", choice).get("function", choice).get("name", "")
    if choice in ("auto", "none", "required") or choice in [tool.name for tool in tools]:
        return str(choice)
    raise ModelRefused(f"tool_choice {choice!r} names no tool that there is.")


def to_details(completion: Completion) -> dict[str, Any]:
    """What is known of an answer besides, as `response_metadata`."""
    return {
        "finish_reason": _FINISHED[completion.stop_reason],
        "model_name": completion.model,
        "model_provider": PROVIDER,
        "provider": completion.provider,
        "cost_usd": f"{completion.cost_usd:f}",
        "simulated": completion.simulated,
    }


def to_usage(tokens: TokenCounts) -> UsageMetadata:
    """What a call used."""
    return UsageMetadata(
        input_tokens=tokens.all_input,
        output_tokens=tokens.output,
        total_tokens=tokens.all_input + tokens.output,
        input_token_details=InputTokenDetails(cache_read=tokens.cached_input, cache_creation=tokens.cache_write),
        output_token_details=OutputTokenDetails(reasoning=tokens.reasoning),
    )

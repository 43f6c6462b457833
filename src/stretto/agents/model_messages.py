"""pydantic-ai's messages, tools and settings as the gateway's, and its answers as pydantic-ai's.

Loaded only with pydantic-ai (extra `pydantic-ai`). What the gateway has no words for is refused, not left out; only what a model
said to itself or did by itself (thinking, native tools) is not sent back to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    FinishReason,
    ImageUrl,
    ModelMessage,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.messages import ModelRequest as Asked
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings, ThinkingLevel, ToolOrOutput
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from stretto.errors import ModelRefused
from stretto.gateway.provider import (
    Completion,
    Image,
    Message,
    Part,
    StopReason,
    Text,
    TokenCounts,
    ToolCall,
    ToolSpec,
)

PROVIDER = "stretto"
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]

_FINISHED: Mapping[StopReason, FinishReason] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "filter": "content_filter",
}


def to_messages(messages: Sequence[ModelMessage], instructions: Sequence[str]) -> tuple[Message, ...]:
    """The conversation; instructions stand after the system prompts that it begins with. Raises `ModelRefused`."""
    told: list[Message] = []
    for message in messages:
        told.extend(_said(message) if isinstance(message, ModelResponse) else _heard(message))
    place = next((place for place, message in enumerate(told) if message.role != "system"), len(told))
    told[place:place] = [Message("system", text) for text in instructions]
    return tuple(told)


def _said(response: ModelResponse) -> Iterator[Message]:
    """What the model said, without its thinking and what it did by tools of its provider."""
    texts = [part.content for part in response.parts if isinstance(part, TextPart) and part.content]
    calls = tuple(
        ToolCall(part.tool_call_id, part.tool_name, part.args_as_json_str())
        for part in response.parts
        if isinstance(part, ToolCallPart)
    )
    if texts or calls:
        yield Message("assistant", "\n\n".join(texts), calls)


def _heard(request: Asked) -> Iterator[Message]:
    """What the model was told; files that tools gave follow their results, in a message of the user's."""
    files: list[UserContent] = []
    for part in request.parts:
        if isinstance(part, SystemPromptPart):
            yield Message("system", part.content)
        elif isinstance(part, UserPromptPart):
            yield Message("user", _content(part.content))
        elif isinstance(part, ToolReturnPart):
            text, found = part.model_response_str_and_user_content()
            files.extend(found)
            yield Message("tool", text, tool_call_id=part.tool_call_id)
        elif part.part_kind == "retry-prompt":  # from releases that ask again by a part of its own
            told = part.model_response()
            yield Message("tool", told, tool_call_id=part.tool_call_id) if part.tool_name else Message("user", told)
        else:
            raise _unsayable(type(part).__name__)
    if files:
        yield Message("user", _content(files))


def _content(content: str | Sequence[UserContent]) -> str | tuple[Part, ...]:
    if isinstance(content, str):
        return content
    return tuple(part for item in content if (part := _part(item)) is not None)


def _part(item: UserContent) -> Part | None:
    if isinstance(item, str):
        return Text(item)
    if isinstance(item, TextContent):
        return Text(item.content)
    if isinstance(item, CachePoint):
        return None  # a hint to providers that cache by marks; the text around it is the same without
    if isinstance(item, ImageUrl) and item.url.startswith("data:"):
        item = BinaryContent.from_data_uri(item.url)
    if isinstance(item, BinaryContent) and item.is_image:
        return Image(media_type=item.media_type, data=item.base64, detail=_detail(item.vendor_metadata))
    if isinstance(item, ImageUrl):
        if item.force_download or not item.url.startswith(("http://", "https://")):
            raise ModelRefused(
                f"The image {item.url[:80]!r} cannot be sent by its address: the provider fetches images by http and https, "
                "and the gateway fetches none. Give its bytes as BinaryContent."
            )
        return Image(url=item.url, detail=_detail(item.vendor_metadata))
    kind = f" of {item.media_type}" if isinstance(item, BinaryContent) else ""
    raise _unsayable(f"{type(item).__name__}{kind}")


def _detail(metadata: Mapping[str, Any] | None) -> Literal["auto", "low", "high"]:
    detail = (metadata or {}).get("detail")
    return detail if detail in ("low", "high") else "auto"


def _unsayable(what: str) -> ModelRefused:
    return ModelRefused(
        f"The gateway takes text, images and tools; {what} cannot be sent through it. Give its content as text, or as an image."
    )


def plain(settings: ModelSettings | None) -> Mapping[str, Any]:
    """Settings as a plain mapping, for some of their types are of libraries that may not be there."""
    return cast("Mapping[str, Any]", settings or {})


def choose_tools(settings: Mapping[str, Any], asked: ModelRequestParameters) -> tuple[tuple[ToolSpec, ...], str]:
    """The tools that a request offers, and which of them the model may or must call.

    Follows what pydantic-ai says of `tool_choice`: it is about the agent's own tools, and those that stand for output types stay.
    Raises `UserError` when it leaves no tool that there is.
    """
    declared = getattr(asked, "declared_tool_defs", asked.tool_defs)  # without those that are shown later
    offered = cast("dict[str, ToolDefinition]", declared)
    outputs = {tool.name for tool in asked.output_tools}
    free = "auto" if asked.allow_text_output else "required"
    wanted = settings.get("tool_choice")
    names, choice = set(offered), free
    if wanted == "required":
        choice = "required"
    elif wanted in ("none", []):
        names, choice = (outputs, free) if outputs else (names, "none")
    elif isinstance(wanted, list):
        names, choice = set(cast("list[str]", wanted)) & set(offered), "required"
    elif isinstance(wanted, ToolOrOutput):
        names = (set(wanted.function_tools) | outputs) & set(offered)
        choice = free if names else "none"
        names = names or set(offered)
    if choice == "required" and not names:
        raise UserError(
            f"tool_choice {wanted!r} names no tool that there is. There are: {', '.join(offered) or 'none'}."
        )
    if choice == "required" and len(names) == 1 and len(offered) > 1:
        return tuple(map(to_spec, offered.values())), next(iter(names))
    return tuple(to_spec(tool) for name, tool in offered.items() if name in names), choice


def to_spec(tool: ToolDefinition) -> ToolSpec:
    """A tool as the gateway tells models of it."""
    return ToolSpec(
        name=tool.name,
        description=tool.description or "",
        parameters=tool.parameters_json_schema,
        strict=bool(tool.strict),
    )


def to_effort(thinking: ThinkingLevel | None) -> Effort | None:
    """How much the model shall think, in the gateway's words; `max` is the most that it has."""
    if isinstance(thinking, bool):
        return "medium" if thinking else "none"
    return "xhigh" if thinking == "max" else thinking


def to_parts(completion: Completion, text: str) -> list[ModelResponsePart]:
    """An answer's parts: what the model thought, what it said, the tools that it wants called."""
    parts: list[ModelResponsePart] = []
    if completion.reasoning:
        parts.append(ThinkingPart(completion.reasoning))
    if text:
        parts.append(TextPart(text))
    parts.extend(ToolCallPart(call.name, call.arguments, call.id) for call in completion.tool_calls)
    return parts


def to_finish(reason: StopReason) -> FinishReason:
    """Why an answer ended."""
    return _FINISHED[reason]


def to_usage(tokens: TokenCounts) -> RequestUsage:
    """What a call used."""
    return RequestUsage(
        input_tokens=tokens.all_input,
        cache_read_tokens=tokens.cached_input,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
        details={"reasoning_tokens": tokens.reasoning} if tokens.reasoning else {},
    )


def to_details(completion: Completion) -> dict[str, Any]:
    """What the gateway knows besides, for those who look into `provider_details`."""
    return {
        "provider": completion.provider,
        "deployment": completion.deployment,
        "call_id": None if completion.call_id is None else str(completion.call_id),
        "cost_usd": f"{completion.cost_usd:f}",
        "simulated": completion.simulated,
    }

"""Writing OpenAI's dialect: the body of a chat completion.

Source: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stretto.gateway.config import Provider
from stretto.gateway.provider import Image, Message, ModelRequest, Text, ToolSpec
from stretto.gateway.wire.prompting import ANY_OBJECT, schema_prompt, speaks_of_json
from stretto.gateway.wire.schemas import fit_openai, is_object

# Models that reason take no other temperature than their own while they do (400 `unsupported_value`).
REASONS = re.compile(r"(?:^|/)(?:o\d|gpt-(?:[5-9]|\d\d))(?!.*chat)")
NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
PLAIN = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "reasoning_effort")


def openai_body(provider: Provider, request: ModelRequest, stream: bool) -> dict[str, Any]:
    """The request as OpenAI takes it. What is None is left to the provider."""
    answer_format, words = answer_format_of(provider, request)
    body: dict[str, Any] = {"model": request.model, "messages": openai_messages(request.messages, words)}
    if stream:
        body["stream"] = True
        if provider.stream_usage:
            body["stream_options"] = {"include_usage": True}
    if answer_format is not None:
        body["response_format"] = answer_format
    if request.tools:
        body["tools"] = [openai_tool(tool) for tool in request.tools]
        if request.tool_choice in {"none", "required"}:
            body["tool_choice"] = request.tool_choice
        elif request.tool_choice != "auto":
            body["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.max_tokens is not None:
        body[provider.max_tokens_field] = request.max_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    if request.top_logprobs is not None:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    reasons = request.reasoning_effort != "none" and REASONS.search(request.model) is not None
    for name in ("seed", "reasoning_effort") if reasons else PLAIN:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    return body


def answer_format_of(provider: Provider, request: ModelRequest) -> tuple[dict[str, Any] | None, str]:
    """`response_format`, and the words that the prompt needs besides."""
    mode = provider.schema_mode
    if request.returns is not None:
        if mode == "json_schema" and is_object(request.returns):
            strict = fit_openai(request.returns)
            schema = request.returns if strict is None else strict
            name = NOT_A_NAME.sub("_", request.returns_name)[:64] or "answer"
            given = {"name": name, "schema": schema, "strict": strict is not None}
            return {"type": "json_schema", "json_schema": given}, ""
        # Neither means gives anything but an object.
        as_object = mode != "none" and is_object(request.returns)
        return ({"type": "json_object"} if as_object else None), schema_prompt(request.returns)
    if request.json_mode:
        words = "" if speaks_of_json(request) else ANY_OBJECT
        return ({"type": "json_object"} if mode != "none" else None), words
    return None, ""


def openai_messages(messages: Iterable[Message], words: str = "") -> list[dict[str, Any]]:
    """The turns; `words` go to the end of the first system message, or make one."""
    turns: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for message in messages:
        if message.role != "tool" and images:
            turns.append({"role": "user", "content": images})
            images = []
        match message.role:
            case "tool":
                # A tool's answer takes text only; its images follow as the user's, after all answers.
                turns.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text})
                images += [part for part in openai_parts(message) if part["type"] != "text"]
            case "assistant":
                turns.append(assistant_turn(message))
            case _:
                content = message.content if isinstance(message.content, str) else openai_parts(message)
                turns.append({"role": message.role, "content": content})
    if images:
        turns.append({"role": "user", "content": images})
    if words:
        first = next((turn for turn in turns if turn["role"] == "system" and isinstance(turn["content"], str)), None)
        if first is None:
            turns.insert(0, {"role": "system", "content": words})
        else:
            first["content"] = f"{first['content']}\n\n{words}"
    return turns


def assistant_turn(message: Message) -> dict[str, Any]:
    """What the model said, and the tools that it called."""
    turn: dict[str, Any] = {"role": "assistant", "content": message.text or (None if message.tool_calls else "")}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return turn


def openai_parts(message: Message) -> list[dict[str, Any]]:
    """A message's parts."""
    if isinstance(message.content, str):
        return [{"type": "text", "text": message.content}]
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, Text):
            parts.append({"type": "text", "text": part.text})
        else:
            parts.append({"type": "image_url", "image_url": image_url(part)})
    return parts


def image_url(image: Image) -> dict[str, str]:
    """An image by its address, or as a data: address."""
    url = image.url or f"data:{image.media_type};base64,{image.data}"
    return {"url": url} if image.detail == "auto" else {"url": url, "detail": image.detail}


def openai_tool(tool: ToolSpec) -> dict[str, Any]:
    """A tool; strict only where its schema can be enforced as it is meant."""
    strict = fit_openai(tool.parameters) if tool.strict else None
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = (strict or tool.parameters) or {"type": "object", "properties": {}}
    if strict is not None:
        function["strict"] = True
    return {"type": "function", "function": function}

"""Writing Anthropic's dialect: the body of a message.

Source: https://docs.anthropic.com/en/api/messages. It has no seed, penalties or log-probabilities: those are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import orjson

from stretto.gateway.config import Provider
from stretto.gateway.provider import Image, Message, ModelRequest, Part, Text, ToolSpec
from stretto.gateway.wire.prompting import ANY_OBJECT, schema_prompt
from stretto.gateway.wire.schemas import fit_anthropic, is_object

MAX_TOKENS = 16_384
OLD_MAX_TOKENS = 8192
"""Where the request names no limit, since Anthropic requires one; it holds for thoughts and answer together. Claude 3.5 and
older write no more than the smaller one."""

EFFORTS = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95}
"""Effort as a share of `max_tokens`, https://openrouter.ai/docs/use-cases/reasoning-tokens."""
LEAST_BUDGET, MOST_BUDGET = 1024, 32_000

# https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7: from Opus 4.7 on Claude takes neither
# temperature nor top_p, nor a budget of tokens for thinking; it decides how much by itself, within an effort. 4.6 takes both
# and deprecates the budget. A Claude that is not known here is a newer one; a model of another name is not Claude.
CLAUDE = re.compile(r"claude")
OLD = re.compile(r"claude-(?:instant|2|3)")
END = r"(?:-\d{8}|-latest|-v\d|@|:|$)"
TAKES_BUDGET = re.compile(rf"claude-(?:(?:instant|2|3)|(?:opus|sonnet|haiku)-4(?:-[0-5])?{END})")
TAKES_SAMPLING = re.compile(rf"claude-(?:(?:instant|2|3)|(?:opus|sonnet)-4(?:-[0-6])?{END}|haiku-4(?:-[0-5])?{END})")
DATA_URL = re.compile(r"data:([^;,]+);base64,", re.IGNORECASE)
NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class AnthropicBody:
    """A request. What `answer_tool` is called with is the answer, where a schema can be enforced in no other way."""

    body: dict[str, Any]
    answer_tool: str = ""


def anthropic_body(provider: Provider, request: ModelRequest, stream: bool) -> AnthropicBody:
    """The request as Anthropic takes it."""
    max_tokens = request.max_tokens or (OLD_MAX_TOKENS if OLD.search(request.model) else MAX_TOKENS)
    body: dict[str, Any] = {"model": request.model, "max_tokens": max_tokens}
    if stream:
        body["stream"] = True
    thinks = add_thinking(body, request, max_tokens)
    answer_tool, words = add_answer_format(body, provider, request, thinks)
    system = "\n\n".join([text for each in request.messages if each.role == "system" and (text := each.text)] + words)
    if system:
        body["system"] = system
    body["messages"] = anthropic_messages(request.messages)
    if not answer_tool:
        add_tools(body, request, thinks)
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if not thinks and applies(TAKES_SAMPLING, request.model):  # while it thinks, Claude sets these itself
        for name in ("temperature", "top_p"):
            if (value := getattr(request, name)) is not None:
                body[name] = min(value, 1.0)  # its scale ends at 1
    return AnthropicBody(body, answer_tool)


def applies(rule: re.Pattern[str], model: str) -> bool:
    """Whether a rule for some Claudes holds for this model; it holds for all models that are not Claude."""
    return rule.search(model) is not None or not CLAUDE.search(model)


def add_thinking(body: dict[str, Any], request: ModelRequest, max_tokens: int) -> bool:
    """Ask for as much thinking as the effort says. True if the model thinks."""
    effort = request.reasoning_effort
    if effort is None:
        return False
    if effort == "none":
        body["thinking"] = {"type": "disabled"}
        return False
    if not applies(TAKES_BUDGET, request.model):
        body["thinking"] = {"type": "adaptive", "display": "summarized"}  # what is omitted looks like silence
        body["output_config"] = {"effort": "low" if effort == "minimal" else effort}
        return True
    budget = max(LEAST_BUDGET, min(MOST_BUDGET, int(max_tokens * EFFORTS[effort])))
    if budget >= max_tokens:
        return False  # too little is asked for to think about it
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return True


def add_answer_format(
    body: dict[str, Any], provider: Provider, request: ModelRequest, thinks: bool
) -> tuple[str, list[str]]:
    """Ask for a structured answer: by its schema, by a tool that must be called (`schema_mode: json_object`, or a schema that
    cannot be enforced otherwise), or by words. Gives the tool's name, and the words."""
    if request.returns is None:
        return "", [ANY_OBJECT] if request.json_mode else []
    if provider.schema_mode == "json_schema" and (fitted := fit_anthropic(request.returns)) is not None:
        config: dict[str, Any] = body.setdefault("output_config", {})
        config["format"] = {"type": "json_schema", "schema": fitted}
        return "", []
    # No tool can be forced while it thinks, and one that is forced shuts out all others.
    if provider.schema_mode == "none" or thinks or request.tools or not is_object(request.returns):
        return "", [schema_prompt(request.returns)]
    name = NOT_A_NAME.sub("_", request.returns_name)[:64] or "answer"
    body["tools"] = [
        {"name": name, "description": "Give your answer by calling this.", "input_schema": request.returns}
    ]
    body["tool_choice"] = {"type": "tool", "name": name, "disable_parallel_tool_use": True}
    return name, []


def add_tools(body: dict[str, Any], request: ModelRequest, thinks: bool) -> None:
    """Name the tools, and whether one must be called."""
    if not request.tools:
        return
    body["tools"] = [anthropic_tool(tool) for tool in request.tools]
    choice: dict[str, Any]
    match request.tool_choice:
        case "auto" | "none":
            choice = {"type": request.tool_choice}
        case "required":
            choice = {"type": "auto" if thinks else "any"}  # while it thinks no tool can be forced
        case name:
            choice = {"type": "auto"} if thinks else {"type": "tool", "name": name}
    if request.parallel_tool_calls is not None and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = not request.parallel_tool_calls
    if choice != {"type": "auto"}:
        body["tool_choice"] = choice


def anthropic_tool(tool: ToolSpec) -> dict[str, Any]:
    """A tool; strict only where its schema can be enforced."""
    strict = fit_anthropic(tool.parameters) if tool.strict else None
    given: dict[str, Any] = {"name": tool.name}
    if tool.description:
        given["description"] = tool.description
    given["input_schema"] = (strict or tool.parameters) or {"type": "object", "properties": {}}
    if strict is not None:
        given["strict"] = True
    return given


def anthropic_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The turns. Turns of one side that follow each other become one: the answers to parallel calls must come together."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = blocks_of(message)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if turns and turns[-1]["role"] == "assistant":
        last = turns[-1]["content"][-1]
        if last["type"] == "text":  # the beginning of the answer, which may not end with a space
            last["text"] = last["text"].rstrip()
    for turn in turns:
        if len(turn["content"]) == 1 and turn["content"][0]["type"] == "text":
            turn["content"] = turn["content"][0]["text"]
    return turns


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """A message's blocks; empty text is no block."""
    parts: tuple[Part, ...] = (Text(message.content),) if isinstance(message.content, str) else message.content
    blocks = [block_of(part) for part in parts if not isinstance(part, Text) or part.text]
    if message.role == "tool":
        answer: dict[str, Any] = {"type": "tool_result", "tool_use_id": message.tool_call_id}
        if blocks:
            only_text = len(blocks) == 1 and blocks[0]["type"] == "text"
            answer["content"] = blocks[0]["text"] if only_text else blocks
        return [answer]
    for call in message.tool_calls:
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": input_of(call.arguments)})
    return blocks


def block_of(part: Part) -> dict[str, Any]:
    """A part as a block."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image", "source": image_source(part)}


def image_source(image: Image) -> dict[str, str]:
    """An image by its address, or in base64; a data: address is taken apart."""
    if image.url and (head := DATA_URL.match(image.url)):
        return {"type": "base64", "media_type": head[1], "data": image.url[head.end() :]}
    if image.url:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": image.data}


def input_of(arguments: str) -> dict[str, Any]:
    """The arguments of an earlier call as the object that is required; what is no object is shown as it was."""
    try:
        value: Any = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        value = None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"invalid": arguments}

"""Read agents: prompt, model, tools, type of answer, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeGuard

from stretto.documents.plain import Json, is_list, kind_of
from stretto.documents.problems import Path
from stretto.flow.declared_types import read_type_name
from stretto.flow.drafts import DraftAgent, Schema
from stretto.flow.graph import Limits, Template
from stretto.flow.reading import AGENT_NAME, Reader
from stretto.flow.vocabulary import AGENT_KEYS, LIMIT_KEYS

TOOL_PATTERN = re.compile(r"[a-z*][a-z0-9_*-]*([./][A-Za-z0-9_*][A-Za-z0-9_*-]*)*")


def read_agents(
    reader: Reader, document: Mapping[str, Json], types: Mapping[str, Schema]
) -> dict[str, DraftAgent] | None:
    """The agents by name; None when they cannot be read."""
    agents: dict[str, DraftAgent] = {}
    example = "agents: {writer: {model: fast, prompt: prompts/writer.md}}"
    raw = reader.mapping(("agents",), document.get("agents"), "`agents`", example)
    if raw is None:
        return None
    for name, value in raw.items():
        path = ("agents", name)
        agent = agents[name] = DraftAgent(name, path)
        if not AGENT_NAME.fullmatch(name):
            reader.at_key(path, f"`{name[:80]}` cannot name an agent.", f"Write it like `{plain_name(name, '_')}`.")
        if is_agent_file(value):
            reader.at_value(
                path,
                f"the agent's file `{value[:120]}` is not here to be read.",
                "Give the flow as a file beside it, or write the agent here: `{model: fast, prompt: …}`.",
            )
            continue
        data = reader.mapping(path, value, f"agent `{name}`", f"{name}: {{model: fast, prompt: prompts/{name}.md}}")
        if data is not None:
            _agent(reader, agent, data, types)
    return agents


def _agent(reader: Reader, agent: DraftAgent, data: dict[str, Json], types: Mapping[str, Schema]) -> None:
    path = agent.path
    data = reader.known_keys(path, data, AGENT_KEYS, f"agent `{agent.name}`")
    if "model" in data:
        agent.model = reader.text((*path, "model"), data["model"], "the model route")
    else:
        reader.at_key(path, f"agent `{agent.name}` has no `model`.", "Name a route: `model: fast`, `strong` or `code`.")
    if "prompt" in data:
        agent.prompt = _prompt(reader, agent, "prompt", data["prompt"])
    else:
        reader.at_key(
            path, f"agent `{agent.name}` has no `prompt`.", f"Name a file: `prompt: prompts/{agent.name}.md`."
        )
    if "system" in data:
        agent.system = _prompt(reader, agent, "system", data["system"])
    if "returns" in data:
        agent.returns = read_type_name(reader, (*path, "returns"), data["returns"], types)
    if "temperature" in data:
        agent.temperature = reader.number((*path, "temperature"), data["temperature"], "`temperature`", 0, 2)
    if "max_tokens" in data:
        agent.max_tokens = reader.whole((*path, "max_tokens"), data["max_tokens"], "`max_tokens`", 1, 10_000_000)
    if "tools" in data:
        agent.tools = _tools(reader, (*path, "tools"), data["tools"])
    if "limits" in data:
        agent.limits = _limits(reader, (*path, "limits"), data["limits"])
    if "memory" in data:
        agent.memory_chars = _memory(reader, (*path, "memory"), data["memory"])


def _tools(reader: Reader, path: Path, value: Json) -> tuple[str, ...]:
    """Names of tools, and patterns of them."""
    if not is_list(value):
        reader.at_value(
            path, f"`tools` is a list, but this is {kind_of(value)}.", "Write it like `[python.test, files.*]`."
        )
        return ()
    names: dict[str, None] = {}
    for index, item in enumerate(value):
        name = reader.text((*path, index), item, "a tool's name")
        if name is None:
            continue
        if not TOOL_PATTERN.fullmatch(name) or len(name) > 200:
            reader.at_value(
                (*path, index),
                f"`{name[:80]}` cannot name a tool.",
                "Write it like `python.test`, or `files.*` for all tools of a server.",
            )
        elif name in names:
            reader.at_value((*path, index), f"`{name}` stands here twice.", "Delete one of them.")
        else:
            names[name] = None
    return tuple(names)


def _limits(reader: Reader, path: Path, value: Json) -> Limits:
    """How far the agent may go."""
    data = reader.mapping(path, value, "`limits`", "limits: {turns: 12, tokens: 50000, cost: 0.40 usd, time: 5m}") or {}
    data = reader.known_keys(path, data, LIMIT_KEYS, "`limits`")
    turns = reader.whole((*path, "turns"), data["turns"], "`turns`", 1, 1000) if "turns" in data else None
    tokens = reader.whole((*path, "tokens"), data["tokens"], "`tokens`", 1, 1_000_000_000) if "tokens" in data else None
    return Limits(
        turns=Limits().turns if turns is None else turns,
        tokens=tokens,
        cost_usd=reader.money((*path, "cost"), data["cost"], "`cost`") if "cost" in data else None,
        time_s=reader.duration((*path, "time"), data["time"], "`time`") if "time" in data else None,
    )


def _memory(reader: Reader, path: Path, value: Json) -> int | None:
    """How much of the results of its tools the agent sees again in full."""
    data = reader.mapping(path, value, "`memory`", "memory: {window: 40000}") or {}
    data = reader.known_keys(path, data, ("window",), "`memory`")
    return reader.whole((*path, "window"), data["window"], "`window`", 1000, 100_000_000) if "window" in data else None


def _prompt(reader: Reader, agent: DraftAgent, key: str, value: Json) -> Template | None:
    path = (*agent.path, key)
    text = reader.text(path, value, f"the {key} of agent `{agent.name}`")
    if text is None:
        return None
    if is_file_name(text):
        reader.at_value(
            path,
            f"the prompt file `{text[:120]}` is not here to be read.",
            "Give the flow as a file beside its prompts, or write the prompt's text here, ending with a line break.",
        )
        return None
    template, uses = reader.template(path, text, f"the {key} of agent `{agent.name}`")
    agent.uses += uses
    return template


def is_agent_file(value: Json) -> TypeGuard[str]:
    """Whether an agent is given by the name of its file: one line that ends in `.md`."""
    return isinstance(value, str) and value.endswith(".md") and is_file_name(value)


def is_file_name(text: str) -> bool:
    """Whether a prompt names a file: one line without `{{`."""
    return "\n" not in text and "{{" not in text


def plain_name(name: str, joint: str) -> str:
    """A name that is allowed and looks like this one."""
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.lower()).split()
    plain = joint.join(words)[:63].strip(joint)
    return plain if plain[:1].isalpha() else f"my{joint}{plain}".strip(joint)

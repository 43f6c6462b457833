"""Every example in docs/agents.md works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra pydantic-ai is not installed")

from stretto.agents import lend_models
from stretto.documents.problems import Problems
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.flow.parse import parse
from stretto.testing import Asks, FakeContext, ScriptedModel
from stretto.tools import Tools, tool_handler

TEXT = (Path(__file__).parents[3] / "docs/agents.md").read_text(encoding="utf-8")


def graph_of(example: str) -> Graph:
    """The graph of a flow, as the docs show it."""
    problems = Problems()
    read = parse(example.encode(), "docs/agents.md", problems)
    assert read is not None
    assert problems.found == []
    return compile_document(read[0])


def examples(language: str, text: str = TEXT) -> list[str]:
    """The examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("example", examples("yaml"), ids=lambda example: example.split("\n")[0])
def test_yaml_examples(example: str) -> None:
    assert graph_of(example).root.steps


@pytest.mark.parametrize("example", examples("python"), ids=["tools", "hosted"])
def test_python_examples(example: str) -> None:
    names: dict[str, Any] = {}
    exec(example, names)
    assert len(names["tools"]) == 1


async def test_the_hosted_agent_answers_in_the_flow_beside_it() -> None:
    section = TEXT.split("## Agents built with pydantic-ai")[1]
    names: dict[str, Any] = {}
    exec(examples("python", section)[0], names)
    tools: Tools = names["tools"]
    graph = graph_of(examples("yaml", section)[0])
    ctx = FakeContext(graph.root.steps["answer"], graph=graph, input={"prompt": "When are you open?", "city": "Kiel"})
    model = ScriptedModel([Asks(("hours", {})), "From 8 to 18."])
    result = await lend_models(model, tool_handler(tools))(ctx)
    assert result.output == ctx.text == "From 8 to 18."
    assert [request.model for request in model.requests] == ["fast", "fast"]
    assert model.requests[1].messages[-1].text == "In Kiel from 8 to 18."

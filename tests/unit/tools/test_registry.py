from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from stretto.engine.step import StepContext
from stretto.errors import Invalid, OutputInvalid, ToolNotFound
from stretto.tools import FunctionTool, Tools


def find_books(title: str, year: int = 2000, *, format: Literal["paper", "audio"] = "paper") -> list[str]:
    """Find books by their title.

    Looks everywhere.

    Args:
        title: a part of the title,
            however small
        year (int): the first year
        format: paper or audio

    Returns:
        Titles.
    """
    return [f"{title} {year} {format}"]


class Address(BaseModel):
    street: str
    number: int


@dataclass
class Person:
    name: str
    born: date | None = None


def test_a_tool_is_described_from_its_hints_and_docstring():
    tool = Tools().add("books.find", find_books)
    assert tool.description == "Find books by their title.\n\nLooks everywhere."
    assert tool.schema == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "a part of the title, however small"},
            "year": {"type": "integer", "default": 2000, "description": "the first year"},
            "format": {
                "enum": ["paper", "audio"],
                "type": "string",
                "default": "paper",
                "description": "paper or audio",
            },
        },
        "required": ["title"],
        "additionalProperties": False,
    }


def test_schema_leaves_out_what_stretto_gives():
    def pay(amount: float, idempotency_key: str, ctx: StepContext) -> None: ...

    tool = Tools().add("pay", pay)
    assert list(tool.schema["properties"]) == ["amount"]
    assert tool.wants_key
    assert tool.context_parameter == "ctx"


def test_arguments_become_what_the_hints_say():
    def visit(
        address: Address, people: list[Person], on: date, note: Annotated[str, Field(max_length=3)] = ""
    ) -> None: ...

    tool = Tools().add("visit", visit)
    bound = tool.bind(
        {
            "address": {"street": "Rua", "number": "7"},
            "people": [{"name": "Ana", "born": "1990-01-02"}],
            "on": "2026-01-31",
        }
    )
    assert bound == {
        "address": Address(street="Rua", number=7),
        "people": [Person("Ana", date(1990, 1, 2))],
        "on": date(2026, 1, 31),
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "argument title: Field required"),
        ({"title": 3}, "argument title: Input should be a valid string"),
        ({"title": "x", "yaer": 1}, "argument yaer: Extra inputs are not permitted"),
        ({"title": "x", "format": "film"}, "argument format: Input should be 'paper' or 'audio'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], words: str):
    tool = Tools().add("books.find", find_books)
    with pytest.raises(OutputInvalid, match=f"'books.find' cannot take these arguments. {words}"):
        tool.bind(arguments)


def test_all_wrong_arguments_are_named_at_once():
    tool = Tools().add("books.find", find_books)
    with pytest.raises(OutputInvalid, match=r"argument title.*argument year"):
        tool.bind({"year": "soon"})


def test_any_name_can_be_a_parameters():
    def odd(schema: str, model_config: int, copy: bool, _private: str = "") -> None: ...

    assert Tools().add("odd", odd).bind({"schema": "a", "model_config": 1, "copy": True}) == {
        "schema": "a",
        "model_config": 1,
        "copy": True,
    }


def test_free_keywords_take_anything():
    def anything(first: int, **rest: Any) -> None: ...

    assert Tools().add("anything", anything).bind({"first": 1, "b": [2]}) == {"first": 1, "b": [2]}


def test_the_decorator_gives_the_function_back():
    tools = Tools()

    @tools.tool("greet")
    async def greet(name: str) -> str:
        return f"Hello {name}"

    found = tools.get("greet")
    assert isinstance(found, FunctionTool)
    assert found.function is greet
    assert found.effects == "writes"
    assert [tool.name for tool in tools] == ["greet"]
    assert "greet" in tools
    assert len(tools) == 1


@pytest.mark.parametrize("name", ["", "Greet", "greet me", ".greet", "greet.", "9"])
def test_a_name_must_be_lower_case_words(name: str):
    with pytest.raises(Invalid, match="cannot be a tool's name"):
        Tools().add(name, find_books)


def test_a_name_is_given_once():
    tools = Tools({"find": find_books})
    with pytest.raises(Invalid, match="already"):
        tools.add("find", find_books)
    with pytest.raises(Invalid, match="already"):
        tools.merge(Tools({"find": find_books}))


def test_parameters_by_position_only_cannot_be_given():
    def star(*values: int) -> None: ...
    def slash(value: int, /) -> None: ...

    for function in (star, slash):
        with pytest.raises(Invalid, match="by position only"):
            Tools().add("f", function)


def test_a_hint_that_cannot_be_found_is_told():
    def broken(x: "Missing") -> None: ...  # noqa: F821  # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]

    with pytest.raises(Invalid, match="'broken' has a type hint"):
        Tools().add("broken", broken).bind({"x": 1})


def test_an_unknown_tool_is_answered_with_the_nearest():
    tools = Tools({"python.test": find_books, "text.count": find_books})
    with pytest.raises(ToolNotFound, match=r"no tool 'pyton\.test'\. Did you mean 'python\.test'\?"):
        tools.get("pyton.test")
    with pytest.raises(ToolNotFound, match=r"There are: python\.test, text\.count"):
        tools.get("zzz")
    with pytest.raises(ToolNotFound, match="There are: none"):
        Tools().get("zzz")


def test_an_agent_finds_its_tools_by_name_and_pattern():
    tools = Tools({"files.read": find_books, "files.write": find_books, "mail.send": find_books})
    assert [tool.name for tool in tools.find(["mail.send", "files.*", "files.read"])] == [
        "mail.send",
        "files.read",
        "files.write",
    ]
    with pytest.raises(ToolNotFound, match=r"No tool's name fits 'web\.\*'"):
        tools.find(["web.*"])
    with pytest.raises(ToolNotFound, match=r"Did you mean 'mail\.send'"):
        tools.find(["mail.sent"])

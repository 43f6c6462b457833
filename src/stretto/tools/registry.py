"""The registry of tools: Python functions by name, with the JSON Schema of their arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, NotRequired, Required, TypeVar, cast, get_type_hints

from stretto.engine.step import StepContext
from stretto.errors import Invalid, OutputInvalid, ToolNotFound

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Function = TypeVar("Function", bound=Callable[..., Any])
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")
KEY_PARAMETER = "idempotency_key"


@dataclass(frozen=True)
class Tool:
    """A function as a tool. `description` is its docstring without the part on arguments."""

    name: str
    function: Callable[..., Any]
    description: str
    is_async: bool

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            return get_type_hints(self.function, localns={"StepContext": StepContext}, include_extras=True)
        except NameError as error:
            raise Invalid(
                f"The tool {self.name!r} has a type hint that cannot be found: {error}. Import it at run time."
            ) from error

    @cached_property
    def context_parameter(self) -> str | None:
        """The parameter that is declared as `StepContext`."""
        return next((name for name in self._parameters if self._hints.get(name) is StepContext), None)

    @property
    def wants_key(self) -> bool:
        """Whether the function declares `idempotency_key`."""
        return KEY_PARAMETER in self._parameters

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function).parameters

    @cached_property
    def _arguments(self) -> TypeAdapter[dict[str, Any]]:
        # A TypedDict, not a model: a parameter may have any name, and a default stays the function's own.
        from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415  (takes 100 ms to load)
        from typing_extensions import TypedDict  # noqa: PLC0415

        fields: dict[str, Any] = {}
        extra = "forbid"
        for name, parameter in self._parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                extra = "allow"
            elif name not in (KEY_PARAMETER, self.context_parameter):
                wrapper = Required if parameter.default is parameter.empty else NotRequired
                fields[name] = wrapper[self._hints.get(name, Any)]
        kind = TypedDict(self.function.__name__, fields)  # pyright: ignore[reportArgumentType, reportGeneralTypeIssues]
        kind.__pydantic_config__ = ConfigDict(extra=extra, arbitrary_types_allowed=True)  # pyright: ignore
        return TypeAdapter(cast("type[dict[str, Any]]", kind))

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments, with what the docstring and the defaults say of them."""
        schema = self._arguments.json_schema()
        schema.pop("title", None)
        properties = cast("dict[str, dict[str, Any]]", schema.setdefault("properties", {}))
        said = describe_arguments(inspect.getdoc(self.function) or "")
        for name, inner in properties.items():
            inner.pop("title", None)
            if name in said:
                inner.setdefault("description", said[name])
            default = self._parameters[name].default
            if default is None or isinstance(default, (bool, int, float, str)):
                inner.setdefault("default", default)
        return schema

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function's types. Raises `OutputInvalid` naming each that does not fit."""
        from pydantic import ValidationError  # noqa: PLC0415

        try:
            return self._arguments.validate_python(dict(arguments))
        except ValidationError as error:
            lines = [
                f"argument {'.'.join(map(str, problem['loc'])) or '?'}: {problem['msg']}" for problem in error.errors()
            ]
            raise OutputInvalid(
                f"The tool {self.name!r} cannot take these arguments. {'; '.join(lines)}. Correct the step's input.",
                tool=self.name,
            ) from None


class Tools:
    """Tools by name. A name is lower-case words joined by dots, such as `python.test`."""

    def __init__(self, tools: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._tools: dict[str, Tool] = {}
        for name, function in (tools or {}).items():
            self.add(name, function)

    def tool(self, name: str) -> Callable[[Function], Function]:
        """Decorator: register the function under this name."""

        def register(function: Function) -> Function:
            self.add(name, function)
            return function

        return register

    def add(self, name: str, function: Callable[..., Any]) -> Tool:
        """Register a function: async ones run in the loop, others in a thread.

        A parameter `idempotency_key: str` gets the step's key, one declared `StepContext` the context; all
        others are arguments, checked against their type hints. Raises `Invalid` for a name that is taken or
        malformed, and for parameters that cannot be given by name.
        """
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name!r} cannot be a tool's name. Use lower-case words joined by dots, as in 'python.test'."
            )
        if name in self._tools:
            raise Invalid(f"There is a tool {name!r} already. Choose another name.")
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
                raise Invalid(f"The tool {name!r} takes {parameter.name!r} by position only. Let it be given by name.")
        description = (inspect.getdoc(function) or "").split("\nArgs:")[0].strip()
        tool = Tool(name, function, description, inspect.iscoroutinefunction(function))
        self._tools[name] = tool
        return tool

    def get(self, name: str) -> Tool:
        """The tool of this name. Raises `ToolNotFound` with the nearest names."""
        if name in self._tools:
            return self._tools[name]
        near = get_close_matches(name, self._tools, n=3, cutoff=0.5)
        hint = (
            f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"There are: {', '.join(self._tools) or 'none'}."
        )
        raise ToolNotFound(f"There is no tool {name!r}. {hint}", tool=name)

    def merge(self, other: Tools) -> Tools:
        """A registry with the tools of both. Raises `Invalid` when they share a name."""
        merged = Tools()
        for tool in (*self, *other):
            merged.add(tool.name, tool.function)
        return merged

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools


def describe_arguments(docstring: str) -> dict[str, str]:
    """What the `Args:` part of a docstring says of each argument."""
    _, found, part = docstring.partition("\nArgs:\n")
    said: dict[str, str] = {}
    name = ""
    for line in part.splitlines() if found else ():
        if line and not line.startswith(" "):
            break
        if match := re.fullmatch(r" {2,4}(\w+)(?: \([^)]*\))?: (.+)", line):
            name = match[1]
            said[name] = match[2].strip()
        elif name and line.strip():
            said[name] += " " + line.strip()
    return said

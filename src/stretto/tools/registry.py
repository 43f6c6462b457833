"""Tools by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, TypeVar
from uuid import UUID

from stretto.errors import Invalid, ToolNotFound
from stretto.flow.drawing import Inside
from stretto.gateway.tool_servers import AMOUNT
from stretto.tools.function import FunctionTool, function_tool
from stretto.tools.source import ToolSource
from stretto.tools.spending import Guarded, Purse
from stretto.tools.tool import Composed, Effects, Tool

Function = TypeVar("Function", bound=Callable[..., Any])
_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")


class Tools:
    """Tools by name. A name is lower-case words joined by dots, such as `python.test`.

    `get`, `find` and iteration know those that are registered; `get_for` and `find_for` also ask the sources, such as a
    tenant's servers.
    """

    def __init__(self, tools: Mapping[str, Callable[..., Any]] | None = None, *, purse: Purse | None = None) -> None:
        """`purse` keeps the budget for what tools spend; without one, those that spend are refused."""
        self.purse = purse
        self._tools: dict[str, Tool] = {}
        self._sources: list[ToolSource] = []
        for name, function in (tools or {}).items():
            self.add(name, function)

    def tool(self, name: str, *, effects: Effects = "writes", amount: str = AMOUNT) -> Callable[[Function], Function]:
        """Decorator: register the function under this name."""

        def register(function: Function) -> Function:
            self.add(name, function, effects=effects, amount=amount)
            return function

        return register

    def add(
        self, name: str, function: Callable[..., Any], *, effects: Effects = "writes", amount: str = AMOUNT
    ) -> FunctionTool:
        """Register a function: async ones run in the loop, others in a thread.

        A parameter `idempotency_key: str` gets the call's key, one declared `StepContext` the context; all
        others are arguments, checked against their type hints. What is not said to read counts as writing; of what
        spends, the argument `amount` says how much, in US dollars. Raises
        `Invalid` for a name that is taken or malformed, and for parameters that cannot be given by name.
        """
        tool = function_tool(name, function, effects, amount)
        self.put(tool)
        return tool

    def put(self, tool: Tool) -> None:
        """Register a tool of any kind. Raises `Invalid` for a name that is taken or malformed."""
        if not _NAME.fullmatch(tool.name):
            raise Invalid(
                f"{tool.name!r} cannot be a tool's name. Use lower-case words joined by dots, as in 'python.test'."
            )
        if tool.name in self._tools:
            raise Invalid(f"There is a tool {tool.name!r} already. Choose another name.")
        self._tools[tool.name] = tool

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

    def inside_of(self, name: str) -> Inside | None:
        """What the registered tool of this name is made of; None where it is of one piece, or not known here."""
        tool = self._tools.get(name)
        return tool.parts() if isinstance(tool, Composed) else None

    def find(self, patterns: Sequence[str]) -> list[Tool]:
        """The tools that an agent may call, each once, in the order of the patterns: a name, or one with `*` in it.

        Raises `ToolNotFound` for a pattern that fits none.
        """
        found: dict[str, Tool] = {}
        for pattern in patterns:
            if "*" not in pattern:
                found.setdefault(pattern, self.get(pattern))
                continue
            fitting = [tool for name, tool in self._tools.items() if fnmatchcase(name, pattern)]
            if not fitting:
                raise ToolNotFound(f"No tool's name fits {pattern!r}. There are: {', '.join(self._tools) or 'none'}.")
            for tool in fitting:
                found.setdefault(tool.name, tool)
        return list(found.values())

    def add_source(self, source: ToolSource) -> None:
        """Let `get_for` and `find_for` ask it for what is not registered."""
        self._sources.append(source)

    def remove_source(self, source: ToolSource) -> None:
        """Ask it no more."""
        self._sources.remove(source)

    async def get_for(self, tenant_id: UUID, name: str) -> Tool:
        """The tenant's tool of this name: a registered one, else one of the sources.

        Raises `ToolNotFound` with the nearest names, and `ToolUnavailable` when a source cannot be asked.
        """
        if name not in self._tools:
            for source in self._sources:
                for tool in await source.find(tenant_id, name):
                    return self._guarded(tool)
        return self._guarded(self.get(name))

    def _guarded(self, tool: Tool) -> Tool:
        return Guarded(tool, self.purse) if tool.effects == "spends" else tool

    async def find_for(self, tenant_id: UUID, patterns: Sequence[str]) -> list[Tool]:
        """`find` for a tenant, with the tools of the sources. Ask anew for each attempt: servers change what they offer.

        Raises `ToolNotFound` for a pattern that fits none, and `ToolUnavailable` when a source cannot be asked.
        """
        found: dict[str, Tool] = {}
        for pattern in patterns:
            if "*" not in pattern:
                found.setdefault(pattern, await self.get_for(tenant_id, pattern))
                continue
            fitting = [tool for name, tool in self._tools.items() if fnmatchcase(name, pattern)]
            for source in self._sources:
                fitting += await source.find(tenant_id, pattern)
            if not fitting:
                self.find([pattern])  # says which tools there are
            for tool in fitting:
                found.setdefault(tool.name, self._guarded(tool))
        return list(found.values())

    def merge(self, other: Tools) -> Tools:
        """A registry with the tools and sources of both. Raises `Invalid` when they share a name."""
        merged = Tools(purse=self.purse or other.purse)
        merged._sources = [*self._sources, *other._sources]
        for tool in (*self, *other):
            merged.put(tool)
        return merged

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

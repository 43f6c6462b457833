"""Python functions as tools: their types and docstrings say what a call needs."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NotRequired, Required, cast, get_type_hints

import orjson

from stretto.engine.step import StepContext
from stretto.errors import (
    ArgumentsInvalid,
    Invalid,
    OutputInvalid,
    Permanent,
    StrettoError,
    ToolFailed,
    ToolRefused,
    ToolUnavailable,
    Transient,
)
from stretto.gateway.tool_servers import AMOUNT
from stretto.tools.tool import Effects

if TYPE_CHECKING:
    from pydantic import TypeAdapter

KEY_PARAMETER = "idempotency_key"


@dataclass(frozen=True)
class FunctionTool:
    """A function as a tool. `description` is its docstring without the part on arguments."""

    name: str
    function: Callable[..., Any]
    description: str
    effects: Effects = "writes"
    amount: str = AMOUNT

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

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the arguments, with what the docstring and the defaults say of them."""
        return self._schema

    @cached_property
    def _schema(self) -> dict[str, Any]:
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
        """The arguments as the function's types. Raises `ArgumentsInvalid` naming each that does not fit."""
        from pydantic import ValidationError  # noqa: PLC0415

        try:
            return self._arguments.validate_python(dict(arguments))
        except ValidationError as error:
            lines = [
                f"argument {'.'.join(map(str, problem['loc'])) or '?'}: {problem['msg']}" for problem in error.errors()
            ]
            raise ArgumentsInvalid(
                f"The tool {self.name!r} cannot take these arguments. {'; '.join(lines)}. Correct the step's input.",
                tool=self.name,
            ) from None

    async def call(self, ctx: StepContext, arguments: Mapping[str, Any], key: str) -> Any:
        """Call the function: async ones in the loop, others in a thread, which a cancelled call leaves running."""
        bound = self.bind(arguments)
        if self.wants_key:
            bound[KEY_PARAMETER] = key
        if self.context_parameter:
            bound[self.context_parameter] = ctx
        try:
            if inspect.iscoroutinefunction(self.function):
                result = await self.function(**bound)
            else:
                result = await asyncio.to_thread(self.function, **bound)
        except Exception as error:
            raise to_failure(self.name, error) from error
        return to_json(self.name, result)


def function_tool(
    name: str, function: Callable[..., Any], effects: Effects = "writes", amount: str = AMOUNT
) -> FunctionTool:
    """The function as a tool. Raises `Invalid` for parameters that cannot be given by name."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise Invalid(f"The tool {name!r} takes {parameter.name!r} by position only. Let it be given by name.")
    description = (inspect.getdoc(function) or "").split("\nArgs:")[0].strip()
    return FunctionTool(name, function, description, effects, amount)


def to_failure(name: str, error: Exception) -> StrettoError:
    """The error of the tree for what a tool raised; one that is in the tree stays as it is."""
    if isinstance(error, StrettoError):
        return error
    kind = ToolUnavailable if isinstance(error, Transient) else ToolFailed
    kind = ToolRefused if isinstance(error, Permanent) else kind
    message = f"The tool {name!r} failed: {type(error).__name__}: {error}"
    failure = kind(message.rstrip(": "), tool=name)
    if isinstance(failure, ToolUnavailable):
        failure.retry_after_s = getattr(error, "retry_after_s", None)
    return failure


def to_json(name: str, result: object) -> Any:
    """The result as plain JSON data: dataclasses, models, dates and the like become what JSON has."""
    if result is None:
        return None
    from pydantic_core import PydanticSerializationError, to_jsonable_python  # noqa: PLC0415

    try:
        plain = to_jsonable_python(result, inf_nan_mode="strings")
        return orjson.loads(orjson.dumps(plain))
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
        raise OutputInvalid(
            f"The tool {name!r} returned {type(result).__name__}, which JSON cannot hold: {error}. "
            "Return text, numbers, lists, dicts, dataclasses or pydantic models.",
            tool=name,
        ) from None


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

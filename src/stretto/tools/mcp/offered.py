"""What a server offers: its tools as they are checked, named and called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast

import jsonschema_rs

from stretto.errors import OutputInvalid
from stretto.gateway.tool_servers import EffectWord, ToolServer
from stretto.tools.function import KEY_PARAMETER

if TYPE_CHECKING:
    from mcp_types import Tool as Listed

TOOL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")
"""What the protocol says of names, without what would begin like a path."""
MOST_DESCRIPTION = 4_000
MOST_TOLD = 5
"""So many mistakes in arguments are told at once."""


@dataclass(frozen=True)
class Offered:
    """A tool of a server. `name` is the server's own for it; `wants_key`: it takes `idempotency_key` as an argument."""

    server: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    effects: EffectWord
    amount: str
    wants_key: bool
    repeatable: bool
    """Calling it twice does no more than calling it once: it reads, says so, or takes the key."""

    @property
    def full_name(self) -> str:
        """As steps and agents name it."""
        return f"{self.server}.{self.name}"

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """The schema of what a caller gives: all arguments but the key, which is filled in."""
        if not self.wants_key:
            return self.parameters
        shown = deepcopy(dict(self.parameters))
        del shown["properties"][KEY_PARAMETER]
        if KEY_PARAMETER in shown.get("required", ()):
            shown["required"] = [name for name in shown["required"] if name != KEY_PARAMETER]
        return shown

    @cached_property
    def _validator(self) -> Any:
        return jsonschema_rs.validator_for(dict(self.parameters), retriever=refuse)

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises `OutputInvalid` naming each argument that does not fit."""
        wrong: list[str] = []
        for error in self._validator.iter_errors(arguments):
            if len(wrong) == MOST_TOLD:
                wrong.append("and more")
                break
            where = ".".join(map(str, error.instance_path)) or "the arguments"
            wrong.append(f"{where}: {str(error.message)[:300]}")
        if wrong:
            raise OutputInvalid(
                f"The tool {self.full_name!r} cannot take these arguments. {'; '.join(wrong)}. Correct them.",
                tool=self.full_name,
            )

    def check_schema(self) -> str:
        """Why arguments cannot be checked by its schema; empty when they can."""
        try:
            _ = self._validator
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            return str(error).partition("\n")[0][:300]
        return ""


def refuse(uri: str) -> NoReturn:
    """No schema makes us ask for an address."""
    raise ValueError(f"a schema may refer only to its own parts, not to {uri}")


def offered(server: ToolServer, listed: Listed) -> tuple[Offered | None, str]:
    """The tool as it is offered, or why it is not."""
    if not TOOL_NAME.fullmatch(listed.name):
        return None, "its name is none that a flow can say"
    hints = listed.annotations
    effects = server.effects_of(listed.name, "reads" if hints is not None and hints.read_only_hint else "writes")
    properties = listed.input_schema.get("properties")
    wants_key = isinstance(properties, dict) and KEY_PARAMETER in properties
    described = listed.description or listed.title or ""
    tool = Offered(
        server=server.name,
        name=listed.name,
        description=described[:MOST_DESCRIPTION],
        parameters=cast("Mapping[str, Any]", listed.input_schema),
        effects=effects,
        amount=server.amount_of(listed.name),
        wants_key=wants_key,
        repeatable=effects == "reads" or wants_key or bool(hints is not None and hints.idempotent_hint),
    )
    why = tool.check_schema()
    return (None, f"its schema cannot be used: {why}") if why else (tool, "")

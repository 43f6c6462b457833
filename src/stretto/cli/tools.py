"""`stretto tools`: what steps and agents can have done, tried by hand."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.tool_logins import login, logout
from stretto.cli.tool_secrets import opened
from stretto.cli.tool_secrets import secret as tool_secrets

if TYPE_CHECKING:
    from uuid import UUID

    from stretto.engine.step import StepContext
    from stretto.gateway.keys import Key
    from stretto.tools import Tool, Tools
    from stretto.tools.mcp import Progress

tools = typer.Typer(
    name="tools", help="Look at the tools that steps and agents may call, and try them.", no_args_is_help=True
)

tools.add_typer(tool_secrets)
tools.command("login")(login)
tools.command("logout")(logout)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The tool: python.test, or SERVER.TOOL.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Give one JSON value, and nothing else.")]


@tools.command("list")
def list_tools(
    pattern: Annotated[
        str, typer.Argument(metavar="[PATTERN]", help="Only those that fit: files.*", show_default=False)
    ] = "*",
    as_json: AsJson = False,
) -> Exit:
    """List the tools that are built in, and those of the servers under `mcp:` in stretto.yaml.

    The servers that may hold fitting tools are started for it, and stopped at the end.
    """
    return run_async(_list(pattern, as_json))


@tools.command("show")
def show_tool(name: Name, as_json: AsJson = False) -> Exit:
    """Show what a tool does and which arguments it takes."""
    return run_async(_show(name, as_json))


@tools.command("call")
def call_tool(
    name: Name,
    input: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="K=V", help="An argument, as often as needed.", show_default=False),
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input-file", metavar="FILE", help="Arguments in a JSON file; - is stdin.", show_default=False),
    ] = None,
    key: Annotated[
        str,
        typer.Option("--key", metavar="K", help="The idempotency key; a new one when not given.", show_default=False),
    ] = "",
) -> Exit:
    """Call a tool as a step would, and print its result as JSON, or as it is when it is text.

    It is done for good: a tool that writes or spends does so.
    """
    return run_async(_call(name, input or [], input_file, key))


@asynccontextmanager
async def _open() -> AsyncGenerator[Tools]:
    from stretto.gateway.config_file import load_config
    from stretto.settings import load_settings
    from stretto.tools import builtin_tools
    from stretto.tools.mcp import Ports, ServerPool

    settings = load_settings()
    config = await load_config(settings)

    found = builtin_tools()
    async with ServerPool(config.mcp, _secret, Ports(on_progress=_tell), logins=Logins()).open() as pool:
        found.add_source(pool)
        yield found


async def _secret(tenant_id: UUID | None, place: str) -> Key | None:
    """A server's secret. The database is opened only for one that is sealed."""
    import os

    from stretto.gateway.keys import Key
    from stretto.platform import own_key, secret_source
    from stretto.settings import load_settings
    from stretto.store import Database
    from stretto.tools.secret_store import ToolSecrets

    if place.startswith("env:"):
        return Key(os.environ.get(place.removeprefix("env:"), "")) or None
    settings = load_settings()
    database = await Database.open(settings)
    try:
        own = ToolSecrets(database, lambda: own_key(settings, database, "*tool-secrets"))
        return await secret_source(settings, database, own)(tenant_id, place)
    finally:
        await database.close()


class Logins:
    """Persons' logins at servers. The database is opened only for a server that needs one."""

    async def find(self, tenant_id: UUID, name: str) -> Key | None:
        """The tenant's login."""
        async with opened("") as (secrets, _):
            return await secrets.find(tenant_id, name)

    async def keep(self, tenant_id: UUID, name: str, secret: Key) -> None:
        """Keep it, renewed."""
        async with opened("") as (secrets, _):
            await secrets.keep(tenant_id, name, secret)


def _tell(_: StepContext, progress: Progress) -> None:
    from stretto.cli.safe_text import one_line

    typer.echo(one_line(str(progress)), err=True)


async def _list(pattern: str, as_json: bool) -> Exit:
    import json

    from stretto.cli.table import print_table
    from stretto.store import DEFAULT_TENANT

    async with _open() as found:
        some = sorted(await found.find_for(DEFAULT_TENANT, [pattern]), key=lambda tool: tool.name)
        if as_json:
            print(json.dumps([described(tool) for tool in some], ensure_ascii=False))
        else:
            rows = [(tool.name, tool.effects, tool.description.partition("\n")[0]) for tool in some]
            print_table(("tool", "effects", "what it does"), rows)
    return Exit.DONE


async def _show(name: str, as_json: bool) -> Exit:
    import json

    from stretto.cli.safe_text import safe
    from stretto.store import DEFAULT_TENANT

    async with _open() as found:
        tool = await found.get_for(DEFAULT_TENANT, name)
        if as_json:
            print(json.dumps(described(tool), ensure_ascii=False))
        else:
            print(f"{tool.name} ({tool.effects})\n\n{safe(tool.description)}\n\nArguments (JSON Schema):")
            print(safe(json.dumps(tool.schema, indent=2, ensure_ascii=False)))
    return Exit.DONE


async def _call(name: str, pairs: list[str], file: Path | None, key: str) -> Exit:
    import json
    from uuid import uuid4

    from stretto.cli.safe_text import safe
    from stretto.cli.values import read_input_file, split_pairs, typed_value
    from stretto.flow.compile import compile_document
    from stretto.store import DEFAULT_TENANT
    from stretto.testing import FakeContext

    async with _open() as found:
        tool = await found.get_for(DEFAULT_TENANT, name)
        arguments: dict[str, Any] = {} if file is None else read_input_file(file)
        properties: Mapping[str, Any] = tool.schema.get("properties", {})
        for argument, text in split_pairs(pairs, "--input").items():
            arguments[argument] = typed_value(argument, text, properties.get(argument))
        graph = compile_document({"flow": "by-hand", "steps": {"call": {"tool": name}}})
        ctx = FakeContext(graph.root.steps["call"], graph=graph, input=arguments)
        ctx.tenant_id = DEFAULT_TENANT
        result = await tool.call(ctx, arguments, key or str(uuid4()))
    print(safe(result) if isinstance(result, str) else safe(json.dumps(result, indent=2, ensure_ascii=False)))
    return Exit.DONE


def described(tool: Tool) -> dict[str, Any]:
    """A tool as JSON tells it."""
    return {
        "name": tool.name,
        "effects": tool.effects,
        "description": tool.description,
        "arguments": dict(tool.schema),
    }

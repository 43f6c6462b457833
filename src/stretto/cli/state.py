"""`stretto state`: the documents that flows, agents and people share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.state import Expected

state = typer.Typer(name="state", help="Look at the shared state, and write it.", no_args_is_help=True)

Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The document's key, such as plans/spring.", show_default=False)
]
Number = Annotated[int | None, typer.Option("--version", metavar="N", min=1, help="This version; else the latest.")]
Expect = Annotated[
    str,
    typer.Option(
        "--expect", metavar="N", help="The version that you have read; new: there is none; any: whatever is there."
    ),
]


@state.command()
def get(key: Key, version: Number = None) -> Exit:
    """Print a document as JSON, and on stderr its version and who wrote it."""
    return run_async(_get(key, version))


@state.command()
def put(
    key: Key,
    value: Annotated[
        str, typer.Argument(metavar="JSON", help="What it shall hold; - reads stdin.", show_default=False)
    ],
    expect: Expect = "new",
) -> Exit:
    """Write a document. One that has changed since it was read is left alone, unless its rule can merge the two."""
    return run_async(_put(key, value, expect))


@state.command()
def delete(key: Key, expect: Expect) -> Exit:
    """Remove a document; its history stays for a while."""
    return run_async(_delete(key, expect))


@state.command("list")
def list_documents(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How the keys begin.", show_default=False)] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 100,
) -> Exit:
    """List documents by key, with the beginnings of their values."""
    return run_async(_list(prefix, limit))


@state.command()
def history(
    key: Key,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 20,
) -> Exit:
    """List who wrote which version of a document, the latest first."""
    return run_async(_history(key, limit))


async def _get(key: str, version: int | None) -> Exit:
    import json

    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        shared = platform.state()
        found = await (shared.get(key) if version is None else shared.at(key, version))
    if not found.deleted:
        print(json.dumps(found.value, ensure_ascii=False, indent=2))
    removed = "removed" if found.deleted else "written"
    print(f"version {found.version}, {removed} by {found.by} at {found.at:%Y-%m-%d %H:%M:%S} UTC", file=sys.stderr)
    return Exit.DONE


async def _put(key: str, text: str, expect: str) -> Exit:
    from stretto.cli.options import me
    from stretto.cli.values import json_value
    from stretto.platform import Platform

    expected, value = _expected(expect), json_value(sys.stdin.read() if text == "-" else text, "JSON")
    async with Platform.open(worker=False) as platform:
        written = await platform.state().put(key, value, expected=expected, by=me())
    merged = (
        "" if written.merged_from is None else f", merged with what was written since version {written.merged_from}"
    )
    print(f"{key} is at version {written.version}{merged}")
    return Exit.DONE


async def _delete(key: str, expect: str) -> Exit:
    from stretto.cli.options import me
    from stretto.platform import Platform

    expected = _expected(expect)
    async with Platform.open(worker=False) as platform:
        await platform.state().delete(key, expected=expected, by=me())
    print(f"removed {key}")
    return Exit.DONE


async def _list(prefix: str, limit: int) -> Exit:
    from stretto.cli.amounts import brief
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    rows: list[tuple[str, ...]] = []
    async with Platform.open(worker=False) as platform:
        after: str | None = None
        while len(rows) < limit:
            page = await platform.state().list(prefix, after, limit - len(rows))
            rows += [
                (each.key, str(each.version), f"{each.at:%Y-%m-%d %H:%M:%S}", each.by, brief(each.value))
                for each in page.documents
            ]
            if (after := page.next) is None:
                break
    if not rows:
        typer.echo("No documents" + (f" whose keys begin with {prefix!r}." if prefix else " yet."), err=True)
        return Exit.DONE
    print_table(("key", ">version", "written (UTC)", "by", "value"), rows)
    return Exit.DONE


async def _history(key: str, limit: int) -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.state().history(key, limit=limit)
    rows = [
        (
            str(each.version),
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            each.by,
            each.step or "",
            "removed" if each.deleted else "" if each.merged_from is None else f"merged from {each.merged_from}",
        )
        for each in found
    ]
    print_table((">version", "written (UTC)", "by", "step", "note"), rows)
    return Exit.DONE


def _expected(text: str) -> Expected:
    from stretto.errors import Invalid
    from stretto.state import ANY

    if text == "any":
        return ANY
    if text == "new":
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**31:
        return int(text)
    raise Invalid(f"--expect takes a version, new or any; {text!r} is none of these.")

"""`stretto memory`: texts that are found again by meaning, words and place."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from stretto.cli.exits import Exit, run_async, say_error

if TYPE_CHECKING:
    from stretto.memory import Item, Place

memory = typer.Typer(name="memory", help="Look into the memory, ask it, and fill it.", no_args_is_help=True)

BATCH = 500
WHOLE_CHARS = 400
SHOWN = 10
"""Refused lines that are named."""

Name = Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection's name.", show_default=False)]
Question = Annotated[str, typer.Argument(metavar="QUESTION", help="What is looked for.", show_default=False)]
Filter = Annotated[
    str | None, typer.Option("--filter", metavar="JSON", help='On the metadata, such as {"stars": {"gte": 4}}.')
]
Near = Annotated[str | None, typer.Option("--near", metavar="LAT,LON", help="Prefer what lies near this place.")]


@memory.command("list")
def list_collections() -> Exit:
    """List the collections: how many items they hold, and what makes their vectors."""
    return run_async(_list())


@memory.command()
def search(
    collection: Name,
    question: Question,
    filter: Filter = None,
    near: Near = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=100, help="How many at most.")] = 10,
) -> Exit:
    """Find what answers a question best; each hit says which lists have it, and at which rank."""
    return run_async(_search(collection, question, filter, near, limit))


@memory.command()
def answer(collection: Name, question: Question, filter: Filter = None, near: Near = None) -> Exit:
    """Answer a question in the words of the items, each sentence with its source."""
    return run_async(_answer(collection, question, filter, near))


@memory.command("import")
def import_items(
    collection: Name,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help='JSONL, - reads stdin: {"key": …, "text": …} on each line, and if there are any "metadata" and '
            '"place": {"latitude": …, "longitude": …}.',
            show_default=False,
        ),
    ],
    language: Annotated[
        str, typer.Option("--language", metavar="NAME", help="Of a new collection, such as german or simple.")
    ] = "english",
    rejects: Annotated[
        str | None, typer.Option("--rejects", metavar="FILE", help="Write lines that cannot be taken there, as JSONL.")
    ] = None,
) -> Exit:
    """Remember the items of a file. Lines that cannot be taken are listed, and the rest goes on."""
    return run_async(_import(collection, file, language, rejects))


@memory.command()
def drop(collection: Name) -> Exit:
    """Remove a collection with all that is in it."""
    return run_async(_drop(collection))


@memory.command()
def model(
    collection: Name,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="The model on this machine by its name, or a route of the gateway.",
            show_default=False,
        ),
    ] = None,
    dimensions: Annotated[
        int, typer.Option("--dimensions", metavar="N", min=1, max=4000, help="How many numbers its vectors have.")
    ] = 384,
) -> Exit:
    """Show what makes a collection's vectors; or have another model make them, which a running worker does."""
    return run_async(_model(collection, name, dimensions))


async def _list() -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    rows: list[tuple[str, ...]] = []
    async with Platform.open(worker=False) as platform:
        door, after = platform.memory(), ""
        while page := await door.collections(after):
            rows += [
                (each.name, f"{each.items:,}", each.language, each.model or "none", each.next_model or "")
                for each in page
            ]
            after = page[-1].name
    if not rows:
        typer.echo("No collections yet. `stretto memory import NAME FILE` makes one.", err=True)
        return Exit.DONE
    print_table(("collection", ">items", "language", "model", "next model"), rows)
    return Exit.DONE


async def _search(collection: str, question: str, filter: str | None, near: str | None, limit: int) -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    condition, place = _condition(filter), _place(near)
    async with Platform.open(worker=False) as platform:
        found = await platform.memory().search(collection, question, filter=condition, near=place, limit=limit)
    for note in found.notes:
        typer.echo(note, err=True)
    if not found.hits:
        typer.echo("Nothing was found.", err=True)
        return Exit.DONE
    rows = [
        (
            hit.key,
            f"{hit.score:.3f}",
            ", ".join(f"{each.list} {each.rank}" for each in hit.lists),
            hit.telling[:WHOLE_CHARS],
        )
        for hit in found.hits
    ]
    print_table(("key", ">score", "rank in", "text"), rows)
    return Exit.DONE


async def _answer(collection: str, question: str, filter: str | None, near: str | None) -> Exit:
    from stretto.cli.safe_text import safe
    from stretto.memory import answer
    from stretto.platform import Platform

    condition, place = _condition(filter), _place(near)
    async with Platform.open(worker=False) as platform:
        told = await answer(platform.memory(), collection, question, filter=condition, near=place)
    print(safe(told.text))
    cited = {number for each in told.sentences for number in each.sources}
    for source in told.sources:
        if source.number in cited:
            print(safe(f"[{source.number}] {source.key}"))
    return Exit.DONE


async def _import(collection: str, path: str, language: str, rejects: str | None) -> Exit:
    from stretto.errors import StrettoError
    from stretto.platform import Platform

    refused = written = unchanged = 0
    with _opened(path) as file, _rejects(rejects) as out:
        async with Platform.open(worker=False) as platform:
            door = platform.memory()
            held: list[Item] = []

            async def keep() -> None:
                nonlocal written, unchanged
                done = await door.remember(collection, held, language=language)
                written, unchanged = written + done.written, unchanged + done.unchanged
                held.clear()

            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    held.append(_item(line))
                except (StrettoError, ValueError) as error:
                    refused += 1
                    _refuse(out, number, str(error), line, shown=refused <= SHOWN)
                if len(held) >= BATCH:
                    await keep()
                    print(f"{number:,} lines", file=sys.stderr)
            await keep()
    print(f"{written:,} items written, {unchanged:,} were there just so, {refused:,} lines refused")
    if refused > SHOWN and rejects is None:
        say_error(f"{refused - SHOWN:,} more lines were refused. Use --rejects FILE to get them all.")
    return Exit.BAD_INPUT if refused and not written + unchanged else Exit.DONE


def _refuse(out: TextIO | None, number: int, why: str, line: str, *, shown: bool) -> None:
    import json

    if out is not None:
        told = {"line": number, "reason": why, "text": line.rstrip("\n")}
        out.write(json.dumps(told, ensure_ascii=False) + "\n")
    if shown:
        say_error(f"line {number}: {why}")


def _rejects(path: str | None) -> AbstractContextManager[TextIO | None]:
    from pathlib import Path

    return nullcontext() if path is None else Path(path).open("w")


async def _drop(collection: str) -> Exit:
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        await platform.memory().drop(collection)
    print(f"removed {collection}")
    return Exit.DONE


async def _model(collection: str, name: str | None, dimensions: int) -> Exit:
    from stretto.memory import Model, change_model, try_model
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        door = platform.memory()
        known = await door.collection(collection)
        if name is not None:
            model = Model(name, dimensions)
            await try_model(door, model)
            await change_model(door, collection, model)
            known = await door.collection(collection)
        remade = await door.remade(known)
    print(f"{known.model or 'no model'}, {known.dimensions} numbers" if known.model else "no model")
    if known.next_model is not None:
        print(
            f"next: {known.next_model}, {known.next_dimensions} numbers; {remade:,} of {known.items:,} items are done"
        )
    return Exit.DONE


def _condition(text: str | None) -> dict[str, Any] | None:
    from stretto.cli.values import json_value
    from stretto.errors import Invalid

    if text is None:
        return None
    value = json_value(text, "--filter")
    if not isinstance(value, dict):
        raise Invalid('--filter needs a JSON object, such as {"stars": {"gte": 4}}.')
    return cast("dict[str, Any]", value)


def _place(text: str | None) -> Place | None:
    from stretto.errors import Invalid
    from stretto.memory import Place

    if text is None:
        return None
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError:
        raise Invalid(f"--near needs two numbers, such as 52.52,13.4; it got {text!r}.") from None
    return Place(latitude, longitude)


def _item(line: str) -> Item:
    """A line as an item. Raises `Invalid`, or ValueError for what is no JSON."""
    import json

    from stretto.errors import Invalid
    from stretto.memory import Item, Place
    from stretto.memory.item import check_item

    read: object = json.loads(line)
    if not isinstance(read, dict):
        raise Invalid("It is no JSON object.")
    given = cast("dict[str, Any]", read)
    if not isinstance(given.get("key"), str) or not isinstance(given.get("text"), str):
        raise Invalid('It needs "key" and "text", both of them text.')
    metadata: object = given.get("metadata") or {}
    place = given.get("place")
    if not isinstance(metadata, dict):
        raise Invalid('"metadata" is no object.')
    where = None
    if place is not None:
        try:
            where = Place(float(place["latitude"]), float(place["longitude"]))
        except (KeyError, TypeError, ValueError):
            raise Invalid('"place" needs "latitude" and "longitude".') from None
    item = Item(given["key"], given["text"], cast("dict[str, Any]", metadata), where)
    check_item(item)
    return item


def _opened(path: str) -> TextIO:
    from pathlib import Path

    return sys.stdin if path == "-" else Path(path).open()

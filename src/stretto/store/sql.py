"""Named queries, kept in SQL files: each package has its `queries.sql`.

-- name_of_query --
-- One line or more that say what it is for.
SELECT ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from itertools import pairwise
from types import MappingProxyType
from typing import LiteralString, cast

from stretto.errors import StoreError

HEADER = re.compile(r"-- ([a-z][a-z0-9_]*) --\s*")


def load_queries(package: str) -> Mapping[str, LiteralString]:
    """The queries of a package's `queries.sql`, by name. Raises `StoreError` where the file is not as it should be."""
    place = f"{package.replace('.', '/')}/queries.sql"
    try:
        text = (resources.files(package) / "queries.sql").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StoreError(f"{place} is missing. Install Stretto again.") from None
    return MappingProxyType(parse_queries(text, place))


def parse_queries(text: str, place: str) -> dict[str, LiteralString]:
    """Take a file of named queries apart; `place` names it in errors."""
    queries: dict[str, LiteralString] = {}
    lines = list(enumerate(text.splitlines(), start=1))
    starts = [index for index, (_, line) in enumerate(lines) if HEADER.fullmatch(line)]
    for number, line in lines[: starts[0] if starts else None]:
        if line.strip() and not line.startswith("--"):
            raise StoreError(f"{place}:{number}: a query starts with a line '-- name --'. Put one above this line.")
    for start, end in pairwise([*starts, len(lines)]):
        number, header = lines[start]
        found = HEADER.fullmatch(header)
        assert found is not None
        name = found[1]
        body = [line for _, line in lines[start + 1 : end]]
        purpose = 0
        while purpose < len(body) and body[purpose].startswith("--"):
            purpose += 1
        statement = "\n".join(body[purpose:]).strip()
        if name in queries:
            raise StoreError(f"{place}:{number}: there are two queries {name!r}. Rename one.")
        if not purpose:
            raise StoreError(f"{place}:{number}: query {name!r} has no purpose. Say below its name what it is for.")
        if not statement:
            raise StoreError(f"{place}:{number}: query {name!r} has no statement. Write one, or remove the name.")
        # The files are a part of the program, as literals in the code would be.
        queries[name] = cast("LiteralString", statement)
    return queries

"""Reading a statement, refusing what may not be asked, and writing it anew from its tree.

What runs is never the text that came, but what sqlglot writes of a tree in which each node is of a kind that is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema
from sqlglot.tokenizer_core import TokenType

from stretto.errors import Invalid
from stretto_reviews.sqlagent.allowed import (
    CLAUSES,
    FUNCTIONS,
    FUNCTIONS_SAID,
    GROWING,
    NAMED_FUNCTIONS,
    OPERATORS,
    REFUSED,
)
from stretto_reviews.sqlagent.catalogue import CATALOGUE, SCHEMA
from stretto_reviews.sqlagent.shapes import KNOWN, MAY_BE_ASKED, NAME, SHAPES, refusal

MOST_ROWS = 1_000
MOST_CHARACTERS = 8_000
MOST_TOKENS = 1_500
MOST_NODES = 4_000
MOST_DEPTH = 60
MOST_TABLES = 10
MOST_COLUMNS = 100
MOST_GROWTH = 8
"""How often texts may be put together: each time may double them."""
DIALECT = "postgres"
_TABLES = MappingSchema(
    {
        name: {column.name: "TEXT" if column.type == "text" else column.type for column in source.columns}
        for name, source in CATALOGUE.items()
    },
    dialect=DIALECT,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run: as it was written anew, and the columns of its rows."""

    sql: str
    columns: tuple[str, ...]


def checked(sql: str) -> Checked:
    """The statement as it may run, with at most one row more than `MOST_ROWS`. Raises `Invalid`, saying what may be asked."""
    try:
        tree = _one_statement(sql)
        _check_nodes(tree)
        _check_tables(tree)
        _name_outputs(tree)
        tree = _qualified(tree)
        _check_nodes(tree)
        _check_columns(tree)
        columns = _distinct_outputs(tree)
        _place_tables(tree)
        inner = tree.sql(DIALECT, identify=True, comments=False)
        if inner != _written_again(inner):
            raise Invalid("The statement cannot be written down so that it means the same. Say it in a simpler way.")
    except SqlglotError as error:
        raise Invalid(f"The statement cannot be read: {_first_line(error)} {MAY_BE_ASKED}") from None
    except RecursionError:
        raise Invalid("The statement is nested too deeply. Say it in a simpler way.") from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError):
        # sqlglot is not told of by other errors than its own; a few odd statements raise these.
        raise Invalid(f"The statement cannot be read. {MAY_BE_ASKED}") from None
    return Checked(f"SELECT * FROM ({inner}) AS asked LIMIT {MOST_ROWS + 1}", columns)  # noqa: S608 (that is what this is for)


def _qualified(tree: exp.Query) -> exp.Query:
    """The tree with each column's table, each `*` written out, and all names in quotes."""
    there = _columns_said(tree)
    try:
        return qualify(tree, dialect=DIALECT, schema=_TABLES, expand_alias_refs=False, validate_qualify_columns=False)
    except OptimizeError as error:
        raise Invalid(f"This may not be asked: {_first_line(error)} {there}") from None


def _first_line(error: Exception) -> str:
    line = re.sub(r"\x1b\[\d*m", "", str(error).strip().splitlines()[0] if str(error).strip() else "it is empty")
    return line[:200].rstrip(".") + "."


def _one_statement(sql: str) -> exp.Query:
    """The tree of the one statement that this is."""
    if len(sql) > MOST_CHARACTERS:
        raise Invalid(
            f"The statement has {len(sql)} characters, and {MOST_CHARACTERS} are the most. Ask for less at once."
        )
    if "\0" in sql:
        raise Invalid("NUL has no place in a statement. Leave it out.")
    if not sql.isascii() and any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise Invalid("The statement holds half a character. Leave it out.")
    tokens = sqlglot.tokenize(sql, read=DIALECT)
    if len(tokens) > MOST_TOKENS:
        raise Invalid(f"The statement has {len(tokens)} words, and {MOST_TOKENS} are the most. Ask for less at once.")
    depth = 0
    for token in tokens:
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if depth > MOST_DEPTH:
            raise Invalid(f"The statement is nested deeper than {MOST_DEPTH}. Say it in a simpler way.")
    # Looked at before it is parsed: of what it does not know, sqlglot writes the whole text to the log.
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise Invalid(f"These are several statements, and it has to be one. {MAY_BE_ASKED}")
    if not tokens or tokens[0].text.upper() not in {"SELECT", "WITH", "TABLE", "("}:
        raise Invalid(f"Only a SELECT may be asked, and this is something else. {MAY_BE_ASKED}")
    found = [
        tree for tree in sqlglot.parse(sql, read=DIALECT) if tree is not None and not isinstance(tree, exp.Semicolon)
    ]
    if len(found) != 1:
        raise Invalid(f"These are {len(found)} statements, and it has to be one. {MAY_BE_ASKED}")
    tree = found[0]
    if not isinstance(tree, exp.Query):
        raise Invalid(f"Only a SELECT may be asked, and this is something else. {MAY_BE_ASKED}")
    return tree


def _check_nodes(tree: exp.Expr) -> None:
    """Refuse each kind of node, and each part of a clause, that is not known."""
    growth = tables = 0
    for nodes, (node, depth) in enumerate(_walk(tree)):
        growth += isinstance(node, GROWING) * max(1, len(node.expressions))
        tables += isinstance(node, exp.Table)
        if nodes > MOST_NODES or depth > 4 * MOST_DEPTH:
            raise Invalid("The statement is too big. Ask for less at once.")
        if growth > MOST_GROWTH:
            raise Invalid(f"Texts are put together more than {MOST_GROWTH} times. Ask for the columns one by one.")
        if tables > MOST_TABLES:
            raise Invalid(f"The statement names more than {MOST_TABLES} tables. Ask for less at once.")
        _check_node(node)


def _walk(tree: exp.Expr) -> Iterator[tuple[exp.Expr, int]]:
    """Each node with its depth; without recursion."""
    todo = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        yield node, depth
        todo.extend((child, depth + 1) for child in node.iter_expressions())


def _check_node(node: exp.Expr) -> None:
    kind = type(node)
    if kind in CLAUSES:
        parts = {name for name, value in node.args.items() if value is not None and value is not False and value != []}
        if extra := parts - CLAUSES[kind]:
            raise Invalid(refusal(min(extra).rstrip("_").upper()))
        if (check := SHAPES.get(kind)) is not None:
            check(node)
    elif kind is exp.Anonymous:
        name = str(node.this)
        if not isinstance(node.this, str) or name.lower() not in NAMED_FUNCTIONS:
            raise Invalid(f"The function {name[:60]} may not be used. {FUNCTIONS_SAID}")
    elif kind in FUNCTIONS or kind in OPERATORS:
        return
    elif isinstance(node, exp.Func):
        name = node.sql(DIALECT).split("(", 1)[0].lower()
        raise Invalid(f"The function {name[:60]} may not be used. {FUNCTIONS_SAID}")
    else:
        raise Invalid(refusal(REFUSED.get(kind, kind.__name__)))


def _check_tables(tree: exp.Expr) -> None:
    """Every table is of the catalogue, or a name given by WITH."""
    given: set[str] = set()
    for cte in tree.find_all(exp.CTE):
        name = cte.alias.lower()
        if name in CATALOGUE or name in given:
            raise Invalid(f"WITH may not give the name {name!r}, which there is already. Choose another.")
        given.add(name)
    for table in tree.find_all(exp.Table):
        if table.catalog or table.db.lower() not in {"", SCHEMA}:
            raise Invalid(f"There is no table {table.sql(DIALECT)[:80]} that may be asked. There are: {KNOWN}.")
        name = table.name.lower()
        if name not in CATALOGUE and (name not in given or table.db):
            raise Invalid(f"There is no table {table.name[:60]!r} that may be asked. There are: {KNOWN}.")
        table.set("db", None)


def _leftmost(tree: exp.Expr) -> exp.Select:
    """The SELECT that names the columns of a query."""
    while not isinstance(tree, exp.Select):
        inner = tree.this
        if not isinstance(inner, exp.Expr):
            raise Invalid(refusal("this"))
        tree = inner
    return tree


def _name_outputs(tree: exp.Expr) -> None:
    """Name the columns that have none after their function, as PostgreSQL does."""
    select = _leftmost(tree)
    for item in list(select.expressions):
        if isinstance(item, exp.Column | exp.Alias | exp.Star):
            continue
        inner = item
        while isinstance(inner, exp.Cast | exp.Round | exp.Filter | exp.Window | exp.Paren) and isinstance(
            inner.this, exp.Expr
        ):
            inner = inner.this
        name = (
            inner.sql_name().lower()
            if isinstance(inner, exp.Func) and not isinstance(inner, exp.Anonymous)
            else "value"
        )
        item.replace(exp.alias_(item.copy(), name if NAME.fullmatch(name) else "value"))


def _distinct_outputs(tree: exp.Query) -> tuple[str, ...]:
    """The names of the columns, each made its own where there are two alike."""
    select = _leftmost(tree)
    if not 0 < len(select.expressions) <= MOST_COLUMNS:
        raise Invalid(f"The answer would have {len(select.expressions)} columns; 1 to {MOST_COLUMNS} may be asked.")
    names: list[str] = []
    for item in select.expressions:
        if not isinstance(item, exp.Alias):
            raise Invalid("A column of the answer has no name. Give it one by AS.")
        name, number = item.alias[:60], 2
        while name in names:
            name, number = f"{item.alias[:57]}_{number}", number + 1
        if name != item.alias:
            item.set("alias", exp.to_identifier(name, quoted=True))
        names.append(name)
    return tuple(names)


def _check_columns(tree: exp.Expr) -> None:
    """Every column is one of the catalogue, or one that a part of the statement makes."""
    unnested = {lateral.alias for lateral in tree.find_all(exp.Unnest, exp.Lateral)}
    for scope in traverse_scope(tree):
        within = _sources_of(scope)
        for column in scope.columns:
            if column.table and column.table not in unnested:
                names = within.get(column.table, set())
                if names is not None and column.name not in names:
                    raise _no_column(tree, column)
    made = {alias.alias for alias in tree.find_all(exp.Alias)}
    made |= {item.name for alias in tree.find_all(exp.TableAlias) for item in alias.args.get("columns") or ()}
    asked = {column.name for source in CATALOGUE.values() for column in source.columns}
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Star) or column.args.get("db") is not None:
            raise Invalid("`*` may stand in `SELECT *` and `count(*)` only. Name the columns instead.")
        if column.name not in asked | made | unnested or (not column.table and not _is_output(column, unnested)):
            raise _no_column(tree, column)


def _no_column(tree: exp.Expr, column: exp.Column) -> Invalid:
    name = f"{column.table}.{column.name}" if column.table else column.name
    return Invalid(f"There is no column {name[:80]!r} that may be asked here. {_columns_said(tree)}")


def _sources_of(scope: Scope) -> dict[str, set[str] | None]:
    """The columns of each table that a part of the statement sees, its own and those around it; None where they are not told."""
    found: dict[str, set[str] | None] = {}
    around: Scope | None = scope
    while around is not None:
        for alias, source in around.sources.items():
            names: set[str] | None = None
            if isinstance(source, exp.Table):
                known = CATALOGUE.get(source.name)
                names = {column.name for column in known.columns} if known is not None else None
            elif isinstance(source.expression, exp.Query):
                names = set(source.expression.named_selects)
            found.setdefault(alias, names)
        around = around.parent
    return found


def _is_output(column: exp.Column, unnested: set[str]) -> bool:
    """Whether this bare name is that of a column of the answer, where such a name may stand."""
    if column.name in unnested:
        return True
    place = column.find_ancestor(exp.Order, exp.Group, exp.Distinct, exp.Select)
    if isinstance(place, exp.Select) or place is None:
        return False
    query = place.parent
    return isinstance(query, exp.Query) and column.name in query.named_selects


def _columns_said(tree: exp.Expr) -> str:
    """The columns of the tables that a statement names."""
    named = sorted({table.name.lower() for table in tree.find_all(exp.Table)} & CATALOGUE.keys())
    return (
        " ".join(f"{name} has: {', '.join(column.name for column in CATALOGUE[name].columns)}." for name in named)
        or MAY_BE_ASKED
    )


def _place_tables(tree: exp.Expr) -> None:
    """Say of each table in which schema it is, so that no setting decides it."""
    given = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name not in given:
            table.set("db", exp.to_identifier(SCHEMA, quoted=True))


def _written_again(sql: str) -> str:
    """The same text after another reading: what reads differently the second time is not to be trusted."""
    trees = sqlglot.parse(sql, read=DIALECT)
    if len(trees) != 1 or trees[0] is None:
        return ""
    _check_nodes(trees[0])
    return trees[0].sql(DIALECT, identify=True, comments=False)

"""What is to be known of a clause besides its parts: how it is filled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from stretto.errors import Invalid
from stretto_reviews.sqlagent.allowed import TYPES
from stretto_reviews.sqlagent.catalogue import CATALOGUE

LONGEST_LITERAL = 500
# What a table, a column or an alias may be called. No alias has a name of PostgreSQL's own columns, or of ours that are not asked.
NAME = re.compile(r"\w[\w %.-]{0,62}")
HIDDEN = frozenset({"tenant_id", "import_id", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"})
NUMBER = re.compile(r"(\d{1,20}(\.\d{0,20})?|\.\d{1,20})(e[+-]?\d{1,2})?", re.IGNORECASE)
JOINS = {(kind, side) for kind in ("", "OUTER") for side in ("LEFT", "RIGHT", "FULL")} | {
    ("", ""),
    ("INNER", ""),
    ("CROSS", ""),
}
KNOWN = ", ".join(CATALOGUE)
MAY_BE_ASKED = f"Write one SELECT of PostgreSQL over these tables: {KNOWN}."
_UNNEST = "unnest takes a column, such as unnest(themes)."


def refusal(what: str) -> str:
    """What to say of something that has no place in a statement."""
    return f"{what} may not be used in a statement. {MAY_BE_ASKED}"


def _identifier(node: exp.Expr) -> None:
    if not NAME.fullmatch(node.name) or node.name.lower() in HIDDEN:
        raise Invalid(f"There is no column or table {node.name[:60]!r} that may be asked. {MAY_BE_ASKED}")


def _literal(node: exp.Expr) -> None:
    value = str(node.this)
    if len(value) > LONGEST_LITERAL:
        raise Invalid("A value in the statement is too long. Shorten it.")
    if not node.is_string and not NUMBER.fullmatch(value):
        raise Invalid(f"{value[:40]} is no number that may be used. Write it plainly, such as 12.5.")


def _star(node: exp.Expr) -> None:
    parent = node.parent
    if isinstance(parent, exp.Count) and parent.this is node:
        return
    column = parent if isinstance(parent, exp.Column) else node
    if not isinstance(column.parent, exp.Select):
        raise Invalid("`*` may stand in `SELECT *` and `count(*)` only. Name the columns instead.")


def _type(node: exp.Expr) -> None:
    if node.this not in TYPES or node.args.get("nested"):
        raise Invalid(
            f"The type {node.sql('postgres')[:60]} may not be used. Use text, integer, bigint, numeric, real, double precision, "
            "boolean, date, time, timestamp, timestamptz, interval or uuid."
        )


def _join(node: exp.Expr) -> None:
    if (str(node.args.get("kind") or "").upper(), str(node.args.get("side") or "").upper()) not in JOINS:
        raise Invalid("Tables are joined by JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN.")
    if not isinstance(node.this, exp.Table | exp.Subquery | exp.Unnest | exp.Lateral):
        raise Invalid(refusal("This kind of JOIN"))


def _from(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Table | exp.Subquery | exp.Unnest):
        raise Invalid(refusal("This kind of FROM"))


def _lateral(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Unnest):
        raise Invalid("LATERAL may stand before unnest(themes) only.")


def _unnest(node: exp.Expr) -> None:
    if len(node.expressions) != 1 or not isinstance(node.expressions[0], exp.Column):
        raise Invalid(_UNNEST)


def _explode(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Column) or isinstance(node.this.this, exp.Star):
        raise Invalid(_UNNEST)


def _var(node: exp.Expr) -> None:
    if not re.fullmatch(r"\w{1,20}", node.name):
        raise Invalid(refusal(repr(node.name[:20])))


def _bound(node: exp.Expr) -> None:
    value = node.args.get("expression") or node.args.get("count")
    if not isinstance(value, exp.Literal) or value.is_string or not re.fullmatch(r"\d{1,9}", str(value.this)):
        raise Invalid("LIMIT and OFFSET take a whole number.")


SHAPES: Mapping[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Identifier: _identifier,
    exp.Literal: _literal,
    exp.Star: _star,
    exp.DataType: _type,
    exp.Join: _join,
    exp.From: _from,
    exp.Lateral: _lateral,
    exp.Unnest: _unnest,
    exp.Explode: _explode,
    exp.Var: _var,
    exp.Limit: _bound,
    exp.Offset: _bound,
    exp.Fetch: _bound,
}
"""Raises `Invalid` for a node of this kind that is not filled as it may be."""

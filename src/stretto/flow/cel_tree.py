"""Read the syntax tree of a compiled CEL expression, to know which names and fields it reads and where.

The compiler hands its tree out only as a serialized `cel.expr.ParsedExpr` (field numbers from `cel/expr/syntax.proto`
of the CEL specification); this decodes the few fields that are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Fields = dict[int, list[int | bytes]]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: `kind` is null, bool, int, uint, double, text or bytes; `value` is given for bool and text."""

    kind: str
    value: str | bool | None
    offset: int


@dataclass(frozen=True, slots=True)
class Field:
    """A name and the fields read from it: `review.comments` is `review` with the trail `("comments",)`."""

    name: str
    trail: tuple[str | int, ...]
    offset: int
    asks: bool = False  # inside `has(…)`


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function and what it is applied to."""

    function: str
    args: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Other:
    """A list, map or macro: its parts matter, itself not."""

    parts: tuple[Node, ...]
    offset: int


Node = Constant | Field | Call | Other

_CONSTANTS = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "text", 7: "bytes"}


def read_tree(serialized: bytes) -> Node:
    """The tree of an expression from what `cel.Expression.serialize()` gives."""
    parsed = _fields(_bytes(_fields(serialized), 2))
    info = _fields(_bytes(parsed, 3))
    offsets: dict[int, int] = {}
    for entry in info.get(4, []):
        pair = _fields(entry)
        offsets[_int(pair, 1)] = _int(pair, 2)
    return _Decoder(offsets).node(_fields(_bytes(parsed, 2)), frozenset())


def reads(node: Node) -> Iterator[Field]:
    """Every name, with its fields, that an expression reads."""
    todo = [node]
    while todo:
        at = todo.pop()
        if isinstance(at, Field):
            yield at
        elif isinstance(at, Call):
            todo.extend(reversed(at.args))
        elif isinstance(at, Other):
            todo.extend(reversed(at.parts))


def calls(node: Node) -> Iterator[Call]:
    """Every operator and function call in an expression."""
    todo = [node]
    while todo:
        at = todo.pop()
        if isinstance(at, Call):
            yield at
            todo.extend(reversed(at.args))
        elif isinstance(at, Other):
            todo.extend(reversed(at.parts))


class _Decoder:
    def __init__(self, offsets: dict[int, int]) -> None:
        self._offsets = offsets

    def node(self, expr: Fields, local: frozenset[str]) -> Node:
        at = self._offsets.get(_int(expr, 2), 0)
        if 3 in expr:
            return _constant(_fields(_bytes(expr, 3)), at)
        if 4 in expr or 5 in expr:
            return self._chain(expr, local)
        if 6 in expr:
            return self._call(_fields(_bytes(expr, 6)), at, local, expr)
        if 7 in expr:
            parts = [self.node(_fields(item), local) for item in _fields(_bytes(expr, 7)).get(1, [])]
            return Other(tuple(parts), at)
        if 8 in expr:
            return self._struct(_fields(_bytes(expr, 8)), at, local)
        if 9 in expr:
            return self._comprehension(_fields(_bytes(expr, 9)), at, local)
        return Other((), at)

    def _chain(self, expr: Fields, local: frozenset[str]) -> Node:
        """`a.b[0].c` from its outermost part inwards."""
        trail: list[str | int] = []
        also: list[Node] = []
        asks = False
        while True:
            if 5 in expr:
                select = _fields(_bytes(expr, 5))
                trail.append(_text(select, 2))
                asks = asks or bool(_int(select, 3))
                expr = _fields(_bytes(select, 1))
                continue
            index = self._index(expr, local)
            if index is None:
                break
            expr, key, node = index
            if key is None:
                trail.clear()  # an item only known at run time: what leads up to it can be checked
                also.append(node)
            else:
                trail.append(key)
        at = self._offsets.get(_int(expr, 2), 0)
        if 4 not in expr:
            return Other((self.node(expr, local), *also), at)
        name = _text(_fields(_bytes(expr, 4)), 1)
        parts = () if name in local or name.startswith("@") else (Field(name, tuple(reversed(trail)), at, asks),)
        return parts[0] if parts and not also else Other((*parts, *also), at)

    def _index(self, expr: Fields, local: frozenset[str]) -> tuple[Fields, str | int | None, Node] | None:
        if 6 not in expr:
            return None
        call = _fields(_bytes(expr, 6))
        if _text(call, 2) != "_[_]":
            return None
        of, at = (_fields(item) for item in call[3])
        node = self.node(at, local)
        if isinstance(node, Constant) and node.kind == "text":
            return of, str(node.value), node
        return of, (0 if isinstance(node, Constant) and node.kind == "int" else None), node

    def _call(self, call: Fields, at: int, local: frozenset[str], expr: Fields) -> Node:
        if _text(call, 2) == "_[_]":
            return self._chain(expr, local)
        targets = call.get(1, [])
        args = [self.node(_fields(item), local) for item in [*targets, *call.get(3, [])]]
        return Call(_text(call, 2), tuple(args), at)

    def _struct(self, struct: Fields, at: int, local: frozenset[str]) -> Node:
        parts: list[Node] = []
        for item in struct.get(2, []):
            entry = _fields(item)
            parts += [self.node(_fields(value), local) for number in (3, 4) for value in entry.get(number, [])]
        return Other(tuple(parts), at)

    def _comprehension(self, loop: Fields, at: int, local: frozenset[str]) -> Node:
        inner = local | {_text(loop, 1), _text(loop, 3), _text(loop, 8)}
        parts = [self.node(_fields(_bytes(loop, 2)), local)]
        parts += [self.node(_fields(_bytes(loop, number)), inner) for number in (4, 5, 6, 7)]
        return Other(tuple(parts), at)


def _constant(constant: Fields, at: int) -> Constant:
    for number, kind in _CONSTANTS.items():
        if number in constant:
            value: str | bool | None = None
            if kind == "text":
                value = _text(constant, number)
            elif kind == "bool":
                value = bool(_int(constant, number))
            return Constant(kind, value, at)
    return Constant("null", None, at)


def _fields(data: int | bytes) -> Fields:
    """One protobuf message: its fields by number (protobuf.dev, "Encoding")."""
    fields: Fields = {}
    if isinstance(data, int):
        return fields
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        value: int | bytes
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire == _BYTES:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            width = 8 if wire == _FIXED64 else 4
            value, at = data[at : at + width], at + width
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _bytes(fields: Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    return value if isinstance(value, bytes) else b""


def _text(fields: Fields, number: int) -> str:
    return _bytes(fields, number).decode("utf-8", "replace")


def _int(fields: Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0

"""Conditions: CEL expressions (cel.dev) over the names in scope.

A condition that meets null or a missing field does not hold. CEL converts no numbers by itself, so that `1 + 0.5` is an
error in it; JSON knows one kind of number, so arithmetic between int and double is added here and gives a double.
CEL has no loops but macros over lists, and its evaluator stops after a fixed number of steps.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]

from stretto.documents.plain import Json, is_list, is_mapping
from stretto.documents.problems import Fault, nearest
from stretto.errors import OutputInvalid
from stretto.flow import cel_tree

MAX_SOURCE = 10_000

_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '([^']*)'")
_MIXED_NUMBERS = re.compile(r"\((?:int|double|uint), (?:int|double|uint)\)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_NO_VALUE = (
    "Key not found",
    "No value with name",
    "Applying SELECT to non-message",
    "Index error",
    "null_type",
    "No such key",
    "<iter_range>",
    "<jump_condition>",
)
_FUNCTIONS = (
    "size", "has", "contains", "startsWith", "endsWith", "matches", "all", "exists", "exists_one", "filter", "map", "int", "double",
    "string", "bool", "timestamp", "duration", "type",
)  # fmt: skip
_PYTHON = {
    "and": "Write `&&`.", "or": "Write `||`.", "not": "Write `!`.", "is": "Write `==`.", "True": "Write `true`.", "False": "Write `false`.",
    "None": "Write `null`.", "=": "Write `==` to compare.", "AND": "Write `&&`.", "OR": "Write `||`.", "NOT": "Write `!`.",
}  # fmt: skip
_SIGNS = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%", "@in": "in", "_&&_": "&&", "_||_": "||", "!_": "!"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """One compiled CEL expression."""

    source: str
    names: frozenset[str]
    tree: cel_tree.Node
    result: str  # the type that CEL's checker gives it: BOOL, DYN, INT …
    program: cel.Expression

    def test(self, scope: Mapping[str, Json]) -> bool:
        """Whether it holds; a missing field or null counts as false. Raises `OutputInvalid` when it gives something else."""
        given: dict[str, Json] = {}
        for name in self.names:
            try:
                given[name] = scope[name]
            except KeyError:
                given[name] = None
        value, failure = _evaluate(self.program, given)
        if failure and "out of range" in failure:
            value, failure = _evaluate(self.program, _small_numbers(given))
        if failure:
            if any(sign in failure for sign in _NO_VALUE):
                return False
            raise OutputInvalid(f"The condition `{self.source}` cannot be decided: {failure}.", expression=self.source)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise OutputInvalid(
                f"The condition `{self.source}` gives {_kind(value)}, not true or false. Compare it with something.",
                expression=self.source,
            )
        return value


def _evaluate(program: cel.Expression, given: dict[str, Json]) -> tuple[object, str]:
    try:
        result = program.eval(data=given)
        if result.type() == cel.Type.ERROR:
            return None, str(result.value()).split(": ", 1)[-1]
        return result.plain_value(), ""
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        return None, str(error).split("[", 1)[0].split(": ", 1)[-1].strip()


def _small_numbers(value: Json) -> Json:
    """The same data with integers beyond 64 bits as doubles, which is all that CEL can hold."""
    if is_mapping(value):
        return {key: _small_numbers(item) for key, item in value.items()}
    if is_list(value):
        return [_small_numbers(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return float(value) if abs(value) < 10**300 else float("inf")
    return value


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "a text"
    return "a list" if is_list(value) else "a mapping" if is_mapping(value) else "a number"


@lru_cache(maxsize=4096)
def compile_condition(source: str) -> Condition:
    """A condition from its text; the same text is compiled once. Raises `Fault` with the offset of the mistake."""
    if not source.strip():
        raise Fault("the condition is empty", "Write one like `review.approved`, or leave the key out.")
    if "{{" in source:
        raise Fault(
            "a condition is an expression, not a template", "Write it without `{{` and `}}`.", source.index("{{")
        )
    if len(source) > MAX_SOURCE:
        raise Fault(f"a condition may have {MAX_SOURCE:,} characters, and this has {len(source):,}", "Make it shorter.")
    try:
        source.encode()
        program = _environment().compile(source, disable_check=True)
        tree = cel_tree.read_tree(program.serialize())
    except (RuntimeError, UnicodeError, ValueError) as error:
        raise _syntax_fault(str(error), source) from None
    names = frozenset(read.name for read in cel_tree.reads(tree))
    return Condition(source, names, tree, _check(source, names, tree), program)


def _check(source: str, names: frozenset[str], tree: cel_tree.Node) -> str:
    """The type of the expression. Raises `Fault` for what CEL's checker refuses, numbers of two kinds apart."""
    try:
        # With the names replaced, one environment serves all expressions; to make one takes longer than to check.
        program = _environment(_STAND_INS).compile(_with_stand_ins(source, tree))
        return str(program.return_type().name())
    except (RuntimeError, LookupError):
        pass
    try:
        return str(_environment(tuple(sorted(names))).compile(source).return_type().name())
    except RuntimeError as error:
        for line, column, message in _ERROR.findall(str(error)):
            if not _MIXED_NUMBERS.search(message):
                raise _type_fault(message, source, _offset(source, int(line), int(column))) from None
        return "DYN"


_STAND_INS = tuple(f"_name_{n}_" for n in range(16))


def _with_stand_ins(source: str, tree: cel_tree.Node) -> str:
    """The expression with other names. Raises `LookupError` when there are too many."""
    stand_ins: dict[str, str] = {}
    for read in cel_tree.reads(tree):
        stand_ins.setdefault(read.name, _STAND_INS[len(stand_ins)])
    for offset, name in sorted({(read.offset, read.name) for read in cel_tree.reads(tree)}, reverse=True):
        if not source.startswith(name, offset):
            raise LookupError(name)
        source = source[:offset] + stand_ins[name] + source[offset + len(name) :]
    return source


@lru_cache(maxsize=64)
def _environment(names: tuple[str, ...] = ()) -> cel.Env:
    numbers = cel.Type.INT, cel.Type.DOUBLE
    arithmetic: dict[str, Callable[[float, float], float]] = {
        "_+_": operator.add,
        "_-_": operator.sub,
        "_*_": operator.mul,
        "_/_": _divide,
    }
    mixed = [
        cel.FunctionDecl(
            sign,
            [
                cel.Overload(id=f"mixed_{work.__name__}_{n}", return_type=cel.Type.DOUBLE, parameters=pair, impl=work)
                for n, pair in enumerate((list(numbers), list(reversed(numbers))))
            ],
        )
        for sign, work in arithmetic.items()
    ]
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN), extensions=[cel.CelExtension("numbers", mixed)])


def _divide(left: float, right: float) -> float:
    """As CEL divides doubles: by zero gives infinity."""
    if right == 0:
        return float("nan") if left == 0 else float("inf") if left > 0 else float("-inf")
    return left / right


def _offset(source: str, line: int, column: int) -> int:
    starts = 0
    for _ in range(line - 1):
        starts = source.find("\n", starts) + 1
    return min(starts + column - 1, max(len(source) - 1, 0))


def _syntax_fault(error: str, source: str) -> Fault:
    if "recursion" in error:
        return Fault("the condition is nested too deeply", "Make it simpler, or let a step decide.")
    for word in re.finditer(
        r"\b(and|or|not|is|AND|OR|NOT)\b|(?<![=!<>])=(?!=)",
        re.sub(r"'[^']*'|\"[^\"]*\"", lambda text: " " * len(text[0]), source),
    ):
        return Fault(f"`{word[0]}` is no operator of a condition", _PYTHON[word[0]], word.start())
    found = _ERROR.search(error)
    if not found:
        return Fault(f"the condition cannot be read: {error.split('[', 1)[0].split(': ', 1)[-1].strip()}")
    offset = _offset(source, int(found[1]), int(found[2]))
    message = found[3].split(" [INVALID", 1)[0].removeprefix("Syntax error: ")
    if "'<EOF>'" in message and "mismatched" in message:
        return Fault("the condition ends too early", "Something is missing at its end.", offset)
    unexpected = re.search(r"(?:mismatched|extraneous) input '([^']*)'", message)
    if unexpected:
        return Fault(f"`{unexpected[1]}` cannot stand here in a condition", "", offset)
    unknown = re.search(r"token recognition error at: '(.*)'", message)
    if unknown:
        return Fault(f"`{unknown[1].strip()}` cannot be read in a condition", "Texts stand in quotes.", offset)
    return Fault(f"the condition cannot be read: {message}", "", offset)


def _type_fault(message: str, source: str, offset: int) -> Fault:
    unknown = _UNKNOWN.match(message)
    if unknown:
        word = unknown[1]
        close = nearest(word, _FUNCTIONS)
        remedy = (
            f"Did you mean `{close}`?"
            if close
            else "There are `size`, `has`, `contains`, `startsWith`, `endsWith`, `matches`, `all`, `exists`, `filter` and `map`."
        )
        at = source.rfind(word, 0, offset + len(word))
        return Fault(f"there is no function `{word}` in conditions", remedy, at if at >= 0 else offset)
    overload = _OVERLOAD.search(message)
    if overload:
        sign = _SIGNS.get(overload[1], overload[1])
        kinds = [
            _KINDS.get(kind, kind)
            for kind in re.split(r", (?![^(]*\))", overload[2].removeprefix("(").removesuffix(")"))
        ]
        return Fault(
            f"`{sign}` does not work between {' and '.join(kinds)}"
            if len(kinds) > 1
            else f"`{sign}` does not work on {kinds[0]}",
            "",
            offset,
        )
    return Fault(f"the condition cannot be read: {message.split(' [INVALID', 1)[0]}", "", offset)


_KINDS = {
    "int": "a number",
    "double": "a number",
    "uint": "a number",
    "string": "a text",
    "bool": "true/false",
    "null": "null",
    "dyn": "a value",
}

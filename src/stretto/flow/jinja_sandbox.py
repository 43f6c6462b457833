"""The Jinja environment behind `templates.py`: what a template may say, reach and use up.

Everything outside a small allow-list of syntax is refused when the template is compiled. What is left meets four rules
at run time: attributes and items are looked up in data only, `range` is the only function, every loop turn and every
character is counted, and operators that could build something huge are checked first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from jinja2 import Template, TemplateError, Undefined, UndefinedError, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stretto.documents.plain import Json, is_list, is_mapping, is_sequence
from stretto.documents.problems import suggest
from stretto.errors import OutputInvalid
from stretto.flow.jinja_syntax import JOINED, TURNS, bounded, read_template
from stretto.flow.template_filters import FILTERS, MAX_OUTPUT, TESTS, TooMuch, as_list, as_text, is_null, measure
from stretto.flow.template_names import Read, Reads, is_trail, only_expression

MAX_TURNS = 100_000
MAX_RANGE = 10_000
_BUDGET = "render budget"  # a name with a space cannot be written in a template
_RESULT = "_stretto_value"

_LOOP_FIELDS = ("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth")


_NOTHING: object = Undefined()._undefined_obj  # pyright: ignore[reportPrivateUsage] - Jinja's mark for "no value at all"


class Missing(Undefined):
    """A name without a value, which counts as null, or a field that data lack, which is an error when used."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name, data = self._undefined_name, self._undefined_obj
        if self._undefined_obj is _NOTHING:
            return f"`{name}` has no value."
        if is_mapping(data):
            there = suggest(str(name), list(data)) or "It is empty."
            return f'there is no field `{name}`. {there} Write `| default("")` after it if it may be missing.'
        if is_list(data):
            return f"there is no item {name} in a list of {len(data)}."
        kind = "a text" if isinstance(data, str) else "a number" if isinstance(data, int | float) else "this value"
        return f"{kind} has no field `{name}`."

    def _use(self, null: Any) -> Any:
        if self._undefined_obj is _NOTHING:
            return null
        raise UndefinedError(self._undefined_message)

    def __str__(self) -> str:
        return self._use("")

    def __len__(self) -> int:
        return self._use(0)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._use(()))

    def __bool__(self) -> bool:
        return self._use(False)

    def __eq__(self, other: object) -> bool:
        return self._use(other is None or isinstance(other, Missing))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = Undefined.__hash__


class Budget:
    """What one rendering may still use up."""

    __slots__ = ("characters", "turns")

    def __init__(self) -> None:
        self.turns = MAX_TURNS
        self.characters = MAX_OUTPUT

    def turn(self) -> None:
        """One more turn of some loop."""
        self.turns -= 1
        if self.turns < 0:
            raise TooMuch(f"its loops turn more than {MAX_TURNS:,} times.")

    def write(self, text: str) -> str:
        """So much more text."""
        self.characters -= len(text)
        if self.characters < 0:
            raise TooMuch(f"it gives more than {MAX_OUTPUT:,} characters.")
        return text


@pass_context
def _turns(context: Context, values: object) -> Iterator[Json]:
    budget: Budget = context.parent[_BUDGET]
    for value in as_list(values):
        budget.turn()
        yield value


def _joined(parts: list[object]) -> str:
    texts = [as_text(part) for part in parts]
    if sum(map(len, texts)) > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    return "".join(texts)


@pass_context
def _finalize(context: Context, value: object) -> str:
    return context.parent[_BUDGET].write(as_text(value))


def _range(*args: int) -> list[int]:
    numbers = range(*args)
    if len(numbers) > MAX_RANGE:
        raise TooMuch(f"`range` gives at most {MAX_RANGE:,} numbers.")
    return list(numbers)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja that sees data and nothing else."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of a mapping; a field of null is null."""
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _LOOP_FIELDS else self.undefined(obj=obj, name=attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: object, argument: object) -> Any:
        """A field of a mapping, an item of a list, a character of a text; of null, null."""
        if is_null(obj):
            return None
        if is_mapping(obj) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if (is_list(obj) or isinstance(obj, str)) and type(argument) is int and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(obj=obj, name=as_text(argument))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportSelfClsParameterName]
        """Calls `range`; the compiler lets nothing else through."""
        if __obj is not _range or kwargs.keys() - {"_loop_vars", "_block_vars"}:
            raise TemplateError("only `range` can be called, with numbers.")
        return _range(*args)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operation on two values, refused when its result would be huge."""
        if operator == "*" and (isinstance(left, _SIZED) or isinstance(right, _SIZED)):
            raise TemplateError("`*` multiplies numbers; use `join` and `range` to repeat a text.")
        if operator == "%" and isinstance(left, str):
            raise TemplateError("`%` works on numbers; join texts with `~`.")
        if operator == "+" and (isinstance(left, str) != isinstance(right, str)):
            raise TemplateError("`+` adds two numbers, two texts or two lists; join a text and another value with `~`.")
        if operator == "**" and abs(right) > 64:
            raise TooMuch("`**` takes exponents up to 64.")
        result: Json = self.binop_table[operator](left, right)
        if isinstance(result, int) and abs(result) > 2**63:
            raise TooMuch("a number has grown beyond 64 bits.")
        if (isinstance(result, str) or is_sequence(result)) and len(result) > MAX_OUTPUT:
            raise TooMuch(f"it builds a value of more than {MAX_OUTPUT:,} characters or items.")
        return result


_SIZED = (str, list, tuple)


def _environment() -> Sandbox:
    sandbox = Sandbox(
        undefined=Missing,
        finalize=_finalize,
        keep_trailing_newline=True,
        autoescape=False,
        optimized=False,
        cache_size=0,
    )
    tables: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (cast("dict[str, Any]", sandbox.globals), {"range": _range}),
        (cast("dict[str, Any]", sandbox.filters), {**FILTERS, TURNS: _turns, JOINED: _joined}),
        (cast("dict[str, Any]", sandbox.tests), TESTS),
    ]
    for table, mine in tables:
        table.clear()
        table.update(mine)
    return sandbox


_SANDBOX = _environment()


class Compiled:
    """A template that is ready to render; what it compiles to is made when it is first rendered."""

    __slots__ = ("_code", "_trail", "is_trail", "is_value", "names", "source", "tree")

    def __init__(self, source: str) -> None:
        """Reads the template. Raises `Fault` with the offset of the mistake."""
        self.source = source
        self.tree = read_template(_SANDBOX, source)
        expression = only_expression(self.tree)
        found = Reads(self.tree).found
        self.is_value = expression is not None
        self.is_trail = expression is not None and is_trail(expression)
        self.names = frozenset(read.name for read in found)
        self._trail = found[0] if self.is_trail and found else None
        self._code: Template | None = None

    def render(self, given: Mapping[str, Json]) -> Json:
        """The value or the text for these names. Raises `OutputInvalid`."""
        try:
            return measure(self._follow(self._trail, given)) if self._trail else self._render(given)
        except (TemplateError, TooMuch) as error:
            raise _failed(self.source, str(error.message if isinstance(error, TemplateError) else error)) from None
        except (
            TypeError,
            ValueError,
            ArithmeticError,
            LookupError,
            AttributeError,
            RecursionError,
            SyntaxError,
        ) as error:
            raise _failed(self.source, f"{error}.") from None

    def _follow(self, read: Read, given: Mapping[str, Json]) -> object:
        """The value of `name.field[0]…`, without any code."""
        value: object = given.get(read.name)
        for part in read.trail:
            value = _SANDBOX.getitem(value, part)
        return value

    def _render(self, given: Mapping[str, Json]) -> Json:
        if self._code is None:
            self._code = _SANDBOX.from_string(self._body())
        context = self._code.new_context({**given, _BUDGET: Budget()})
        text = "".join(self._code.root_render_func(context))
        return measure(context.vars[_RESULT]) if self.is_value else text

    def _body(self) -> nodes.Template:
        """What is compiled: of a template that is one expression, its assignment to a name."""
        expression = only_expression(self.tree)
        body = self.tree
        if expression is not None:
            target = nodes.Name(_RESULT, "store", lineno=1)
            body = nodes.Template([nodes.Assign(target, expression, lineno=1)], lineno=1)
        body.set_environment(_SANDBOX)
        return bounded(body)


def _failed(source: str, why: str) -> OutputInvalid:
    shown = " ".join(source.split())
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    return OutputInvalid(f"The template `{shown}` cannot be rendered: {why}", template=source)

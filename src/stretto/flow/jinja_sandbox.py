"""The Jinja environment behind `templates.py`: what a template may say, reach and use up.

Everything outside a small allow-list of syntax is refused when the template is compiled. What is left meets four rules
at run time: attributes and items are looked up in data only, `range` is the only function, every loop turn and every
character is counted, and operators that could build something huge are checked first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from jinja2 import TemplateError, TemplateSyntaxError, Undefined, UndefinedError, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stretto.errors import OutputInvalid
from stretto.flow.graph import Json
from stretto.flow.plain import is_list, is_mapping, is_sequence
from stretto.flow.problems import Fault, suggest
from stretto.flow.template_filters import FILTERS, MAX_OUTPUT, TESTS, TooMuch, as_list, as_text, is_null, measure
from stretto.flow.template_names import Reads, is_trail, line_start, only_expression

MAX_TURNS = 100_000
MAX_RANGE = 10_000
_BUDGET = "render budget"  # a name with a space cannot be written in a template
_RESULT = "_stretto_value"

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair,
    nodes.Keyword, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.For, nodes.If, nodes.Assign, nodes.With, nodes.CondExpr,
    nodes.Filter, nodes.Test, nodes.Call, nodes.Concat, nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip
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
def _turns(context: Context, values: Any) -> Iterator[Any]:
    budget: Budget = context.parent[_BUDGET]
    for value in as_list(values):
        budget.turn()
        yield value


def _joined(parts: list[Any]) -> str:
    texts = [as_text(part) for part in parts]
    if sum(map(len, texts)) > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    return "".join(texts)


@pass_context
def _finalize(context: Context, value: Any) -> str:
    return context.parent[_BUDGET].write(as_text(value))


def _range(*args: Any) -> list[int]:
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
        (cast("dict[str, Any]", sandbox.filters), {**FILTERS, "loop turns": _turns, "joined text": _joined}),
        (cast("dict[str, Any]", sandbox.tests), TESTS),
    ]
    for table, mine in tables:
        table.clear()
        table.update(mine)
    return sandbox


_SANDBOX = _environment()


class Compiled:
    """A template that is ready to render."""

    __slots__ = ("_run", "is_trail", "is_value", "names", "source", "tree")

    def __init__(self, source: str, tree: nodes.Template) -> None:
        self.source = source
        self.tree = tree
        expression = only_expression(tree)
        self.is_value = expression is not None
        self.is_trail = expression is not None and is_trail(expression)
        body = tree
        if expression is not None:
            target = nodes.Name(_RESULT, "store", lineno=1)
            body = nodes.Template([nodes.Assign(target, expression, lineno=1)], lineno=1)
        body.set_environment(_SANDBOX)
        self._run = _SANDBOX.from_string(body)
        self.names = frozenset(read.name for read in Reads(tree).found)

    def render(self, given: dict[str, Json]) -> Json:
        """The value or the text for these names. Raises `OutputInvalid`."""
        budget = Budget()
        try:
            context = self._run.new_context({**given, _BUDGET: budget})
            text = "".join(self._run.root_render_func(context))
            if not self.is_value:
                return text
            value = context.vars[_RESULT]
            if isinstance(value, Undefined):
                return value or None  # asking a missing field for its truth is the error
            return measure(value)
        except (TemplateError, TooMuch) as error:
            raise _failed(self.source, str(error.message if isinstance(error, TemplateError) else error)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            raise _failed(self.source, f"{error}.") from None


def _failed(source: str, why: str) -> OutputInvalid:
    shown = " ".join(source.split())
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    return OutputInvalid(f"The template `{shown}` cannot be rendered: {why}", template=source)


def compile_source(source: str) -> Compiled:
    """Compiles a template. Raises `Fault` with the offset of the mistake."""
    try:
        tree = _SANDBOX.parse(source)
        _refuse(tree, source)
        tree = _bounded(tree)
        return Compiled(source, tree)
    except TemplateSyntaxError as error:
        raise _syntax_fault(error, source) from None
    except Fault:
        raise
    except (TemplateError, SyntaxError, ValueError, OverflowError) as error:
        raise Fault(f"the template cannot be read: {error}", "", 0) from None
    except (RecursionError, MemoryError):
        raise Fault("the template is nested too deeply", "Make it simpler.", 0) from None


def _syntax_fault(error: TemplateSyntaxError, source: str) -> Fault:
    message = str(error.message or "it cannot be read").rstrip(".")
    start = line_start(source, error.lineno)
    line = source[start:].split("\n", 1)[0]
    token = message.rsplit("'", 2)[1] if message.count("'") >= 2 else ""
    at = line.find(token) if (token and "got" in message) or "encountered" in message.lower() else -1
    if at < 0:
        at = max(min((found for found in (line.find("{{"), line.find("{%")) if found >= 0), default=0), 0)
    remedy = ""
    if "No filter named" in message:
        remedy = suggest(token, FILTERS)
        message = f"there is no filter `{token}`"
        at = max(line.find(token), 0)
    elif "No test named" in message:
        remedy = suggest(token, TESTS)
        message = f"there is no test `{token}`"
        at = max(line.find(token), 0)
    elif "unexpected end of template" in message.lower() or "Unexpected end" in message:
        message, remedy = (
            "the template ends in the middle",
            "Close every `{{` with `}}`, every `{% if %}` with `{% endif %}`.",
        )
    elif "Encountered unknown tag" in message:
        message, remedy = f"there is no tag `{token}`", "There is `if`, `for`, `set` and `with`."
    elif "end of print statement" in message:
        message, remedy = (
            f"`{token}` cannot stand here",
            "A `{{ … }}` holds one expression, like `{{ review.comments }}`.",
        )
    elif message.startswith("expected token"):
        words = message.split("'")
        if len(words) >= 4:
            message = f"`{words[1]}` is expected where `{words[3]}` stands"
    return Fault(message, remedy, start + at)


def _refuse(tree: nodes.Template, source: str) -> None:
    todo: list[nodes.Node] = [tree]
    while todo:
        node = todo.pop()
        if not isinstance(node, _ALLOWED) or (isinstance(node, nodes.For) and node.recursive):
            word = {"CallBlock": "call", "FilterBlock": "filter", "AssignBlock": "set … endset", "FromImport": "import"}
            name = word.get(type(node).__name__, type(node).__name__.lower())
            raise Fault(
                f"`{name}` cannot be used in a template",
                "There is `if`, `for`, `set x = …` and `with`.",
                line_start(source, node.lineno),
            )
        if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
            raise _call_fault(node, source)
        todo.extend(node.iter_child_nodes())


def _call_fault(node: nodes.Call, source: str) -> Fault:
    start = line_start(source, node.lineno)
    name = node.node.attr if isinstance(node.node, nodes.Getattr) else getattr(node.node, "name", "this")
    at = source.find(str(name), start)
    if name in FILTERS:
        remedy = f"Write `… | {name}`."
    else:
        remedy = (
            'Values have no methods and there is one function, `range`; use a filter, as in `{{ names | join(", ") }}`.'
        )
    return Fault(f"`{name}()` cannot be called", remedy, max(at, start))


def _bounded(tree: nodes.Template) -> nodes.Template:
    """Counts the turns of every loop, and the characters of every `~`."""
    todo: list[nodes.Node] = [tree]
    while todo:
        node = todo.pop()
        todo.extend(node.iter_child_nodes())
        if isinstance(node, nodes.For):
            node.iter = _filter(node.iter, "loop turns")
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(node, name, _joined_node(value))
            elif is_list(value):
                value[:] = [_joined_node(item) if isinstance(item, nodes.Concat) else item for item in value]
    return tree


def _joined_node(node: nodes.Concat) -> nodes.Filter:
    return _filter(nodes.List(node.nodes, lineno=node.lineno), "joined text")


def _filter(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast("nodes.Expr", node), name, [], [], None, None, lineno=node.lineno)

"""What a Jinja template may say: reading its syntax, refusing what is not allowed, and faults in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from jinja2 import Environment, TemplateError, TemplateSyntaxError, nodes

from stretto.documents.plain import is_list
from stretto.documents.problems import Fault, suggest
from stretto.flow.template_filters import FILTERS, TESTS
from stretto.flow.template_names import line_start, stored

MAX_DEPTH = 60
TURNS, JOINED = "loop turns", "joined text"
"""Filters that the sandbox puts around loops and `~`; a name with a space cannot be written in a template."""

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair,
    nodes.Keyword, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.For, nodes.If, nodes.Assign, nodes.With, nodes.CondExpr,
    nodes.Filter, nodes.Test, nodes.Call, nodes.Concat, nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip


def read_template(environment: Environment, source: str) -> nodes.Template:
    """The syntax tree of a template. Raises `Fault` with the offset of the mistake."""
    try:
        tree = environment.parse(source)
        _refuse(tree, source)
        return tree
    except TemplateSyntaxError as error:
        raise _syntax_fault(error, source) from None
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
    if "nexpected end of template" in message or "Missing end of" in message or _is_open(source):
        return _open_fault(source)
    elif "Encountered unknown tag" in message:
        message, remedy = f"there is no tag `{token}`", "There are `if`, `for`, `set` and `with`."
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


_TAG = re.compile(
    r"\{%[-+]?\s*(end)?(if|for|with|set|macro|block|call|filter|raw)\b[^%]*?%\}|(\{\{)|(\}\})|(\{#.*?#\})", re.DOTALL
)


def _is_open(source: str) -> bool:
    return source.rfind("{{") > source.rfind("}}") or source.rfind("{%") > source.rfind("%}")


def _open_fault(source: str) -> Fault:
    """What was opened and never closed."""
    for opening, closing in (("{{", "}}"), ("{%", "%}"), ("{#", "#}")):
        at = source.rfind(opening)
        if at > source.rfind(closing):
            return Fault(f"`{opening}` is never closed", f"Close it with `{closing}`.", at)
    waiting: list[tuple[str, int]] = []
    for tag in _TAG.finditer(source):
        word = tag[2]
        if word and tag[1] and waiting:
            waiting.pop()
        elif word and not tag[1] and word != "set":
            waiting.append((word, tag.start()))
    if not waiting:
        return Fault("the template ends too early", "Close what it opens.", 0)
    word, at = waiting[-1]
    return Fault(f"`{{% {word} %}}` is never closed", f"Close it with `{{% end{word} %}}`.", at)


def _refuse(tree: nodes.Template, source: str) -> None:
    """Raises `Fault` for the first thing that a template may not say."""
    todo: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise Fault("the template is nested too deeply", "Make it simpler.", line_start(source, node.lineno))
        if not isinstance(node, _ALLOWED) or (isinstance(node, nodes.For) and node.recursive):
            word = {"CallBlock": "call", "FilterBlock": "filter", "AssignBlock": "set … endset", "FromImport": "import"}
            name = word.get(type(node).__name__, type(node).__name__.lower())
            remedy = "There are `if`, `for`, `set x = …` and `with`."
            raise Fault(f"`{name}` cannot be used in a template", remedy, line_start(source, node.lineno))
        if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Name) and node.node.name == "range"):
            raise _call_fault(node, source)
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise _unknown("filter", node.name, FILTERS, node.lineno, source)
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            raise _unknown("test", node.name, TESTS, node.lineno, source)
        if isinstance(node, nodes.For) and "loop" in stored(node.target):
            start = line_start(source, node.lineno)
            raise Fault(
                "a `for` cannot call its item `loop`", "That name tells where it is, as in `loop.index`.", start
            )
        todo.extend((child, depth + 1) for child in reversed(list(node.iter_child_nodes())))


def _unknown(what: str, name: str, known: Mapping[str, object], line: int, source: str) -> Fault:
    start = line_start(source, line)
    return Fault(f"there is no {what} `{name}`", suggest(name, known), max(source.find(name, start), start))


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


def bounded(tree: nodes.Template) -> nodes.Template:
    """Counts the turns of every loop, and the characters of every `~`."""
    todo: list[nodes.Node] = [tree]
    while todo:
        node = todo.pop()
        todo.extend(node.iter_child_nodes())
        if isinstance(node, nodes.For):
            node.iter = _filter(node.iter, TURNS)
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(node, name, _joined_node(value))
            elif is_list(value):
                value[:] = [_joined_node(item) if isinstance(item, nodes.Concat) else item for item in value]
    return tree


def _joined_node(node: nodes.Concat) -> nodes.Filter:
    return _filter(nodes.List(node.nodes, lineno=node.lineno), JOINED)


def _filter(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast("nodes.Expr", node), name, [], [], None, None, lineno=node.lineno)

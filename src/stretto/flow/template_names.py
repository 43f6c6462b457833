"""Which names a Jinja template reads from outside, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from jinja2 import nodes

Known = Callable[[str], Literal["yes", "no", "maybe"]]
"""Whether a name is certainly there when the template is rendered, certainly not, or perhaps."""


def line_start(source: str, line: int | None) -> int:
    """The offset at which a line (from 1) of a text begins; 0 when the parser does not know the line."""
    at = 0
    for _ in range((line or 1) - 1):
        at = source.find("\n", at) + 1
    return at


def only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The expression of a template that is one `{{ … }}` and nothing but space around it."""
    found: list[nodes.Expr] = []
    for part in tree.body:
        if not isinstance(part, nodes.Output):
            return None
        for node in part.nodes:
            if isinstance(node, nodes.TemplateData) and not node.data.strip():
                continue
            found.append(node)
    return found[0] if len(found) == 1 and not isinstance(found[0], nodes.TemplateData) else None


def is_trail(node: nodes.Node) -> bool:
    """Whether an expression is a name and fields of it, nothing else."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
            return False
        node = node.node
    return isinstance(node, nodes.Name)


class Read:
    """One place where a template reads a name: `review.comments[0]` reads `review` with the trail `("comments", 0)`."""

    __slots__ = ("line", "name", "required", "trail")

    def __init__(self, name: str, trail: tuple[str | int, ...], line: int, required: bool = True) -> None:
        self.name = name
        self.trail = trail
        self.line = line
        self.required = required  # False: the template only asks whether it is there


class Reads:
    """The names that a template reads from outside.

    With `known`, a part that cannot be reached is left out: `{% if x is defined %}` is decided where `x`
    is certainly there (`"yes"`) or certainly not (`"no"`).
    """

    def __init__(self, tree: nodes.Node, known: Known | None = None) -> None:
        self.found: list[Read] = []
        self._known: Known = known or _perhaps
        self._walk(tree, frozenset({"range"}))

    def _walk(self, node: nodes.Node, local: frozenset[str]) -> frozenset[str]:
        """Notes what a node reads; gives the names that are local after it."""
        match node:
            case nodes.Name():
                if node.ctx == "load" and node.name not in local:
                    self.found.append(Read(node.name, (), node.lineno))
            case nodes.Getattr() | nodes.Getitem():
                self._chain(node, local)
            case nodes.Test(name="defined" | "undefined" | "none", node=nodes.Name() as name):
                self._ask(name, local)
            case nodes.Filter(name="default" | "d", node=nodes.Name() as name):
                self._ask(name, local)
                self._all(node.args, local)
            case nodes.And() | nodes.Or():
                self._walk(node.left, local)
                enough = isinstance(node, nodes.Or)  # the value of the left side that makes the right one idle
                if self._decide(node.left) is not enough:
                    self._walk(node.right, local)
            case nodes.If() | nodes.CondExpr():
                self._condition(node, local)
            case nodes.For():
                self._walk(node.iter, local)
                inner = local | stored(node.target) | {"loop"}
                for child in [*([node.test] if node.test else []), *node.body]:
                    inner = self._walk(child, inner)
                self._all(node.else_, local)
            case nodes.With():
                self._all(node.values, local)
                self._all(node.body, local.union(*(stored(target) for target in node.targets)))
            case nodes.Assign():
                self._walk(node.node, local)
                return local | stored(node.target)
            case _:
                return self._all(list(node.iter_child_nodes()), local)
        return local

    def _ask(self, name: nodes.Name, local: frozenset[str]) -> None:
        if name.name not in local:
            self.found.append(Read(name.name, (), name.lineno, required=False))

    def _all(self, many: Sequence[nodes.Node], local: frozenset[str]) -> frozenset[str]:
        for child in many:
            local = self._walk(child, local)
        return local

    def _chain(self, node: nodes.Getattr | nodes.Getitem, local: frozenset[str]) -> None:
        trail: list[str | int] = []
        at: nodes.Node = node
        while isinstance(at, nodes.Getattr | nodes.Getitem):
            if isinstance(at, nodes.Getattr):
                trail.append(at.attr)
            elif isinstance(at.arg, nodes.Const) and isinstance(at.arg.value, str | int):
                trail.append(at.arg.value)
            else:
                trail.clear()  # an item that is only known at run time: check what leads up to it
                self._walk(at.arg, local)
            at = at.node
        if not isinstance(at, nodes.Name):
            self._walk(at, local)
        elif at.name not in local:
            self.found.append(Read(at.name, tuple(reversed(trail)), node.lineno))

    def _condition(self, node: nodes.If | nodes.CondExpr, local: frozenset[str]) -> None:
        self._walk(node.test, local)
        decided = self._decide(node.test)
        if isinstance(node, nodes.CondExpr):
            yes, no = [node.expr1], [node.expr2] if node.expr2 else []
        else:
            yes, no = node.body, [*node.elif_, *node.else_]
        if decided is not False:
            self._all(yes, local)
        if decided is not True:
            self._all(no, local)

    def _decide(self, test: nodes.Node) -> bool | None:
        """Whether a condition is certain to hold (True) or not to (False)."""
        match test:
            case nodes.Test(name="defined" | "undefined" | "none" as name, node=nodes.Name() as asked):
                there = {"yes": True, "no": False, "maybe": None}[self._known(asked.name)]
                return there if name == "defined" or there is None else not there
            case nodes.Not():
                inner = self._decide(test.node)
                return None if inner is None else not inner
            case nodes.And():
                sides = (self._decide(test.left), self._decide(test.right))
                return False if False in sides else True if sides == (True, True) else None
            case nodes.Or():
                sides = (self._decide(test.left), self._decide(test.right))
                return True if True in sides else False if sides == (False, False) else None
            case _:
                return None


def _perhaps(_name: str) -> Literal["yes", "no", "maybe"]:
    return "maybe"


def stored(target: nodes.Node) -> frozenset[str]:
    """The names that an assignment or loop gives values to."""
    names = {name.name for name in target.find_all(nodes.Name)}
    if isinstance(target, nodes.Name):
        names.add(target.name)
    return frozenset(names)

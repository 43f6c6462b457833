"""The nodes of a YAML text, each with its place, built from the parser's events.

A stack of its own takes the place of recursion, so that no depth of nesting can exhaust anything, and an alias is its anchor's
node itself, so that no repetition can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from stretto.documents.problems import Spot

MAX_DEPTH = 80
LINE_END = re.compile("[\n\u2028\u2029]")
"""What the YAML parser counts as the end of a line."""

Mark = tuple[int, int]
"""Line and column, from 0."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How messages speak of a kind of document: `flow`, and what to do where there is too much or nothing of it."""

    noun: str
    begin: str
    too_deep: str
    too_large: str
    too_many: str


class ScalarNode:
    """A text; `plain` when it stands without quotes and may mean a number, a boolean or null."""

    __slots__ = ("end", "plain", "start", "style", "text")

    def __init__(self, text: str, plain: bool, style: str | None, start: Mark, end: Mark) -> None:
        self.text = text
        self.plain = plain
        self.style = style
        self.start = start
        self.end = end


class ListNode:
    """A list."""

    __slots__ = ("items", "start")

    def __init__(self, start: Mark) -> None:
        self.start = start
        self.items: list[Node] = []


class MapNode:
    """A mapping, its keys as written, repeated ones too."""

    __slots__ = ("items", "start")

    def __init__(self, start: Mark) -> None:
        self.start = start
        self.items: list[tuple[Node, Node]] = []


Node = ScalarNode | ListNode | MapNode


class Unreadable(Exception):
    """What stands here leaves nothing to read."""

    def __init__(self, spot: Spot, message: str, remedy: str = "") -> None:
        self.spot = spot
        self.message = message
        self.remedy = remedy
        super().__init__(message)


class Tree:
    """Builds the nodes of one text."""

    def __init__(self, text: str, file: str, manner: Manner) -> None:
        self.manner = manner
        self.text = text
        self.file = file
        self.anchors: dict[str, Node] = {}
        self.open: dict[int, str] = {}

    def read(self) -> Node:
        """The node at the top; an empty text when there is nothing. Raises `Unreadable`."""
        top: Node | None = None
        # What is being filled: a list, or a map with the key that waits for its value.
        stack: list[tuple[ListNode | MapNode, list[Node]]] = []
        for event in self._events():
            node = self._node(event, stack)
            if node is None:
                if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                    self.open.pop(id(stack.pop()[0]), None)
                elif isinstance(event, yaml.DocumentStartEvent) and top is not None:
                    raise self._unreadable(
                        _mark(event.start_mark),
                        "a second document begins here.",
                        f"Keep one {self.manner.noun} in one file.",
                    )
                continue
            if stack:
                self._put(stack[-1], node)
            else:
                top = node
            if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                assert not isinstance(node, ScalarNode)
                stack.append((node, []))
                if len(stack) > MAX_DEPTH:
                    raise self._unreadable(
                        node.start,
                        f"this is nested more than {MAX_DEPTH} levels deep.",
                        self.manner.too_deep,
                    )
        return top if top is not None else ScalarNode("", True, None, (0, 0), (0, 0))

    def _put(self, top: tuple[ListNode | MapNode, list[Node]], node: Node) -> None:
        holder, waiting = top
        if isinstance(holder, ListNode):
            holder.items.append(node)
        elif waiting:
            holder.items.append((waiting.pop(), node))
        else:
            waiting.append(node)

    def _node(self, event: Any, stack: list[tuple[ListNode | MapNode, list[Node]]]) -> Node | None:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        start = _mark(event.start_mark)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None or event.style == ""  # pyright: ignore[reportUnnecessaryComparison]
            style = None if plain else str(event.style)
            node = ScalarNode(str(event.value), bool(plain and event.implicit[0]), style, start, _mark(event.end_mark))
        elif isinstance(event, yaml.SequenceStartEvent):
            node = ListNode(start)
        elif isinstance(event, yaml.MappingStartEvent):
            node = MapNode(start)
        else:
            return None
        if event.tag not in (None, "!"):
            raise self._unreadable(
                start,
                f"the tag `{event.tag}` cannot be used in a {self.manner.noun}.",
                "Delete it; plain values are enough.",
            )
        if event.anchor:
            self.anchors[event.anchor] = node
            if not isinstance(node, ScalarNode):
                self.open[id(node)] = event.anchor
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        name = str(event.anchor)
        node = self.anchors.get(name)
        start = _mark(event.start_mark)
        if node is None:
            raise self._unreadable(
                start, f"`*{name}` names no anchor above.", f"Mark the value with `&{name}` before it is used."
            )
        if id(node) in self.open:
            raise self._unreadable(start, f"`*{name}` stands inside `&{name}` itself.", "Write the value out.")
        return node

    def _events(self) -> Iterator[Any]:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            yield from yaml.parse(self.text, Loader=loader)
        except yaml.MarkedYAMLError as error:
            raise self._unreadable(*_syntax_message(error, self.text)) from None
        except (yaml.YAMLError, ValueError) as error:
            raise self._unreadable((0, 0), f"this is not YAML: {error}.") from None

    def _unreadable(self, mark: Mark, message: str, remedy: str = "") -> Unreadable:
        return Unreadable(Spot(self.file, mark[0] + 1, mark[1] + 1), message, remedy)


def _mark(mark: Any) -> Mark:
    return (int(mark.line), int(mark.column)) if mark is not None else (0, 0)


def _syntax_message(  # noqa: PLR0911 - one for each mistake
    error: yaml.MarkedYAMLError, text: str
) -> tuple[Mark, str, str]:
    """Where a text is no YAML, why, and what to do, in plain words."""
    problem, context = str(error.problem or "it cannot be read"), str(error.context)
    mark = _mark(error.problem_mark or error.context_mark)
    lines = LINE_END.split(text)
    line = lines[mark[0]] if mark[0] < len(lines) else ""
    opened = f" that begins in line {_mark(error.context_mark)[0] + 1}" if error.context_mark else ""
    if "\t" in line[: mark[1] + 1] or ("cannot start any token" in problem and "\t" in line):
        return mark, "a tab cannot indent YAML.", "Use spaces."
    if "mapping values are not allowed" in problem:
        return (
            mark,
            "a second `:` in one line cannot be read.",
            "Put the text in quotes, or the key on a line of its own.",
        )
    if "cannot start any token" in problem:
        return mark, f"`{line[mark[1] : mark[1] + 1]}` cannot begin a value.", "Put the text in quotes."
    if "could not find expected ':'" in problem:
        return (
            mark,
            "here or just above stands a key without `:`.",
            "Write `key: value`; long texts need quotes, or stand after `|`.",
        )
    if "flow" in context and ("',' or '}'" in problem or "',' or ']'" in problem):
        missing = f"a comma or the closing bracket is missing in the {{…}} or […]{opened}."
        return mark, missing, "Texts with `,`, `{` or `}` in them need quotes."
    if "did not find expected key" in problem or "expected <block end>" in problem:
        return (
            mark,
            f"the indentation does not fit the block{opened}.",
            "Give all keys of one mapping the same number of spaces.",
        )
    if "quoted scalar" in context and "escape" in problem:
        return (
            mark,
            "after `\\` stands no sign that it could belong to.",
            'Write `\\\\` for a backslash in "…", or use single quotes.',
        )
    if "quoted scalar" in context:
        return _mark(error.context_mark), "this quote is never closed.", "Close it at the end of the text."
    return mark, f"this is not YAML: {problem}.", "Texts with special signs need quotes."

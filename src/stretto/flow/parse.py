"""Read a flow file: YAML or JSON to plain data, remembering where each part stands.

The core schema of YAML 1.2 decides what a plain word is: `on`, `yes` and `no` are strings, only `true` and
`false` are booleans. Works on the parser's events, so that neither deep nesting nor repeated aliases can exhaust anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from stretto.flow.graph import Json
from stretto.flow.plain import is_list, is_mapping
from stretto.flow.problems import Path, Places, Problems, Spot

MAX_BYTES = 1 << 20
MAX_DEPTH = 80
MAX_NODES = 200_000
MAX_TEXT = 4 << 20

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile("[\n\u2028\u2029]")  # what the YAML parser counts as one
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_PAIR = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_Mark = tuple[int, int]  # line and column, from 0


class _Scalar:
    __slots__ = ("end", "plain", "start", "style", "text")

    def __init__(self, text: str, plain: bool, style: str | None, start: _Mark, end: _Mark) -> None:
        self.text = text
        self.plain = plain
        self.style = style
        self.start = start
        self.end = end


class _List:
    __slots__ = ("items", "start")

    def __init__(self, start: _Mark) -> None:
        self.start = start
        self.items: list[_Node] = []


class _Map:
    __slots__ = ("items", "start")

    def __init__(self, start: _Mark) -> None:
        self.start = start
        self.items: list[tuple[_Node, _Node]] = []


_Node = _Scalar | _List | _Map


class FilePlaces(Places):
    """Where each part of one file stands; texts taken from other files (prompts) have places of their own."""

    def __init__(self, file: str, source: str) -> None:
        super().__init__(file)
        self._lines = _LINE_END.split(source)
        self._values: dict[Path, _Node] = {}
        self._keys: dict[Path, _Mark] = {}
        self._texts: dict[Path, tuple[str, str]] = {}
        self._mounted: dict[Path, Places] = {}

    def note(self, path: Path, node: _Node, key: _Mark | None) -> None:
        """Remembers where a value, and the key it stands under, begin."""
        self._values[path] = node
        if key is not None:
            self._keys[path] = key

    def text_from(self, path: Path, file: str, text: str) -> None:
        """The value at `path` was read from `file`: offsets inside it are places there."""
        self._texts[path] = (file, text)

    def mount(self, path: Path, places: Places) -> None:
        """What stands below `path` was read from another file, which has places of its own."""
        self._mounted[path] = places

    def key(self, path: Path) -> Spot:
        """The place of the key that ends `path`."""
        if path[:2] in self._mounted:
            return self._mounted[path[:2]].key(path[2:])
        mark = self._keys.get(path)
        return self._spot(mark) if mark is not None else self.value(path)

    def value(self, path: Path, offset: int | None = None) -> Spot:
        """The place of the value at `path`, or of the character at `offset` inside it; of what is nearest when it is missing."""
        if path[:2] in self._mounted:
            return self._mounted[path[:2]].value(path[2:], offset)
        if path in self._texts and offset is not None:
            file, text = self._texts[path]
            before = text[:offset]
            return Spot(file, before.count("\n") + 1, offset - before.rfind("\n"))
        while path and path not in self._values:
            path, offset = path[:-1], None
        node = self._values.get(path)
        if node is None:
            return Spot(self.file, 1, 1)
        if offset is not None and isinstance(node, _Scalar):
            return self._spot(self._inside(node, offset))
        return self._spot(node.start)

    def _spot(self, mark: _Mark) -> Spot:
        return Spot(self.file, mark[0] + 1, mark[1] + 1)

    def _inside(self, node: _Scalar, offset: int) -> _Mark:
        """The mark of a character of a scalar's text; its start where that cannot be told."""
        line, column = node.start
        if node.style in ("|", ">") or node.start[0] != node.end[0]:
            return self._inside_lines(node, offset)
        if node.style is None:
            return line, column + offset
        return line, column + _raw_offset(self._lines[line][column:], offset)

    def _inside_lines(self, node: _Scalar, offset: int) -> _Mark:
        """The same for a scalar of several lines: each line is looked for in the text, in order."""
        is_block, quote = node.style in ("|", ">"), 1 if node.style in ("'", '"') else 0
        at = 0
        for row in range(node.start[0] + (1 if is_block else 0), min(node.end[0] + 1, len(self._lines))):
            line = self._lines[row]
            if row == node.end[0] and not is_block:
                line = line[: node.end[1] - quote]
            begin = node.start[1] + quote if row == node.start[0] else 0
            piece = line[begin:].strip()
            found = node.text.find(piece, at) if piece else -1
            if found < 0:
                continue
            if offset < found + len(piece) + 1:
                return row, line.find(piece, begin) + max(offset - found, 0)
            at = found + len(piece)
        return node.start


def _raw_offset(raw: str, offset: int) -> int:
    """Where the character at `offset` of a quoted text stands in its source, quotes and escapes counted."""
    quote, at = raw[0], 1
    for _ in range(offset):
        if raw.startswith("''", at) and quote == "'":
            at += 2
        elif raw.startswith("\\", at) and quote == '"':
            at += 2 + {"x": 2, "u": 4, "U": 8}.get(raw[at + 1 : at + 2], 0)
        else:
            at += 1
    return at


def parse(source: bytes, file: str, problems: Problems) -> tuple[dict[str, Json], FilePlaces] | None:
    """The data of a flow file and its places; None after noting problems that leave nothing to read."""
    if len(source) > MAX_BYTES:
        problems.add(
            Spot(file, 1, 1),
            f"the file has {len(source):,} bytes, more than the {MAX_BYTES:,} that a flow may have.",
            "Move long prompts into files of their own, or split the flow into sub-flows.",
        )
        return None
    text = _decode(source, file, problems)
    if text is None:
        return None
    if file.endswith(".json"):  # JSON writes a sign beyond 16 bits as two escapes, which YAML does not know
        text = _PAIR.sub(_one_escape, text)
    places = FilePlaces(file, text)
    try:
        top = _Tree(text, file, problems).read()
        if top is None:
            return None
        data = _Reader(places, problems).value(top)
    except _Unreadable as error:
        problems.add(error.spot, error.message, error.remedy)
        return None
    if not is_mapping(data):
        problems.add(
            Spot(file, 1, 1),
            "the file is empty."
            if data is None
            else f"a flow is a mapping of keys to values, but this is {_kind(data)}.",
            "Begin with `flow: NAME`, then `agents:` and `steps:`.",
        )
        return None
    return dict(data), places


def _one_escape(pair: re.Match[str]) -> str:
    """One escape of YAML for a pair of JSON's (RFC 8259, section 7); an escaped backslash stays what it is."""
    if pair[1] is None:
        return pair[0]
    return f"\\U{0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00:08x}"


def _kind(data: Json) -> str:
    return "a list" if is_list(data) else "one piece of text" if isinstance(data, str) else "a single value"


def _decode(source: bytes, file: str, problems: Problems) -> str | None:
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        spot = Spot(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(spot, f"this is not UTF-8 text (byte 0x{source[error.start]:02x}).", "Save the file as UTF-8.")
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    bad = _FORBIDDEN.search(text)
    if bad:
        before = text[: bad.start()]
        spot = Spot(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(spot, f"the control character U+{ord(bad[0]):04X} cannot stand in a flow.", "Delete it.")
        return None
    return text


class _Unreadable(Exception):
    def __init__(self, spot: Spot, message: str, remedy: str = "") -> None:
        self.spot = spot
        self.message = message
        self.remedy = remedy
        super().__init__(message)


class _Tree:
    """Builds nodes from the YAML parser's events, with a stack of its own instead of recursion."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.anchors: dict[str, _Node] = {}
        self.open: dict[int, str] = {}

    def read(self) -> _Node | None:
        top: _Node | None = None
        # What is being filled: a list, or a map with the key that waits for its value.
        stack: list[tuple[_List | _Map, list[_Node]]] = []
        for event in self._events():
            node = self._node(event, stack)
            if node is None:
                if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                    self.open.pop(id(stack.pop()[0]), None)
                elif isinstance(event, yaml.DocumentStartEvent) and top is not None:
                    raise self._unreadable(
                        _mark(event.start_mark), "a second document begins here.", "Keep one flow in one file."
                    )
                continue
            if stack:
                self._put(stack[-1], node)
            else:
                top = node
            if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                assert not isinstance(node, _Scalar)
                stack.append((node, []))
                if len(stack) > MAX_DEPTH:
                    raise self._unreadable(
                        node.start,
                        f"this is nested more than {MAX_DEPTH} levels deep.",
                        "Use a sub-flow for the inner part.",
                    )
        return top if top is not None else _Scalar("", True, None, (0, 0), (0, 0))

    def _put(self, top: tuple[_List | _Map, list[_Node]], node: _Node) -> None:
        holder, waiting = top
        if isinstance(holder, _List):
            holder.items.append(node)
        elif waiting:
            holder.items.append((waiting.pop(), node))
        else:
            waiting.append(node)

    def _node(self, event: Any, stack: list[tuple[_List | _Map, list[_Node]]]) -> _Node | None:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        start = _mark(event.start_mark)
        node: _Node
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None or event.style == ""  # pyright: ignore[reportUnnecessaryComparison]
            style = None if plain else str(event.style)
            node = _Scalar(str(event.value), bool(plain and event.implicit[0]), style, start, _mark(event.end_mark))
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _List(start)
        elif isinstance(event, yaml.MappingStartEvent):
            node = _Map(start)
        else:
            return None
        if event.tag not in (None, "!"):
            raise self._unreadable(
                start, f"the tag `{event.tag}` cannot be used in a flow.", "Delete it; plain values are enough."
            )
        if event.anchor:
            self.anchors[event.anchor] = node
            if not isinstance(node, _Scalar):
                self.open[id(node)] = event.anchor
        return node

    def _alias(self, event: yaml.AliasEvent) -> _Node:
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

    def _unreadable(self, mark: _Mark, message: str, remedy: str = "") -> _Unreadable:
        return _Unreadable(Spot(self.file, mark[0] + 1, mark[1] + 1), message, remedy)


def _mark(mark: Any) -> _Mark:
    return (int(mark.line), int(mark.column)) if mark is not None else (0, 0)


def _syntax_message(  # noqa: PLR0911 - one for each mistake
    error: yaml.MarkedYAMLError, text: str
) -> tuple[_Mark, str, str]:
    """Where a text is no YAML, why, and what to do, in plain words."""
    problem, context = str(error.problem or "it cannot be read"), str(error.context)
    mark = _mark(error.problem_mark or error.context_mark)
    lines = _LINE_END.split(text)
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


class _Reader:
    """Turns nodes into plain data, noting places and duplicate keys."""

    def __init__(self, places: FilePlaces, problems: Problems) -> None:
        self.places = places
        self.problems = problems
        self.count = 0
        self.size = 0

    def value(self, node: _Node, path: Path = (), key: _Mark | None = None) -> Json:
        self.count += 1
        self.size += len(node.text) if isinstance(node, _Scalar) else 0
        if self.count > MAX_NODES or self.size > MAX_TEXT:
            mark = node.start
            raise _Unreadable(
                Spot(self.places.file, mark[0] + 1, mark[1] + 1),
                "the flow is too large once its aliases are written out.",
                "Use fewer aliases, or split the flow into sub-flows.",
            )
        if len(path) > MAX_DEPTH:
            raise _Unreadable(
                self.places.value(path),
                f"this is nested more than {MAX_DEPTH} levels deep.",
                "Use a sub-flow for the inner part.",
            )
        self.places.note(path, node, key)
        if isinstance(node, _Scalar):
            return self._scalar(node, path)
        if isinstance(node, _List):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
        return self._map(node, path)

    def _map(self, node: _Map, path: Path) -> dict[str, Json]:
        data: dict[str, Json] = {}
        first: dict[str, _Mark] = {}
        merged: list[_Node] = []
        for key_node, value_node in node.items:
            if not isinstance(key_node, _Scalar):
                self._add(
                    key_node.start,
                    "a key must be a word, not a list or mapping.",
                    "Put the text in quotes: `{{ … }}` unquoted is read as a mapping.",
                )
                continue
            key = key_node.text
            if key == "<<" and key_node.plain:
                merged += value_node.items if isinstance(value_node, _List) else [value_node]
                continue
            if key in first:
                self._add(
                    key_node.start,
                    f"`{key}` is given twice; it stands in line {first[key][0] + 1} already.",
                    "Keep one of them, or give it another name.",
                )
                continue
            first[key] = key_node.start
            data[key] = self.value(value_node, (*path, key), key_node.start)
        for other in merged:
            self._merge(other, path, data)
        return data

    def _merge(self, node: _Node, path: Path, data: dict[str, Json]) -> None:
        if not isinstance(node, _Map):
            self._add(node.start, "`<<` takes a mapping.", "Give it an alias of one, like `<<: *defaults`.")
            return
        for key_node, value_node in node.items:
            if isinstance(key_node, _Scalar) and key_node.text not in data and key_node.text != "<<":
                data[key_node.text] = self.value(value_node, (*path, key_node.text), key_node.start)

    def _scalar(self, node: _Scalar, path: Path) -> Json:
        text = node.text
        if not node.plain:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if _INT.fullmatch(text):
            return self._integer(text, node)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                self._add(node.start, f"the number {text[:40]} is too large.", "Put it in quotes if it is a text.")
                return 0
            return number
        if _INFINITE.fullmatch(text):
            self._add(node.start, f"`{text}` is no number that JSON has.", "Put it in quotes if it is a text.")
            return 0
        return text

    def _integer(self, text: str, node: _Scalar) -> int:
        if len(text) <= 20:
            number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            if -(2**63) <= number < 2**63:
                return number
        self._add(
            node.start, f"the number {text[:20]}… is too large.", "Put it in quotes if it is a text, such as an id."
        )
        return 0

    def _add(self, mark: _Mark, message: str, remedy: str) -> None:
        self.problems.add(Spot(self.places.file, mark[0] + 1, mark[1] + 1), message, remedy)

"""Read a document: YAML or JSON to plain data, remembering where each part stands.

The core schema of YAML 1.2 decides what a plain word is: `on`, `yes` and `no` are strings, only `true` and
`false` are booleans.
"""

from __future__ import annotations

import re

from stretto.documents.file_places import FilePlaces
from stretto.documents.plain import Json, is_list, is_mapping
from stretto.documents.problems import Path, Problems, Spot
from stretto.documents.yaml_tree import MAX_DEPTH, ListNode, Manner, MapNode, Mark, Node, ScalarNode, Tree, Unreadable

MAX_BYTES = 1 << 20
MAX_NODES = 200_000
MAX_TEXT = 4 << 20

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_PAIR = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def parse(source: bytes, file: str, problems: Problems, manner: Manner) -> tuple[dict[str, Json], FilePlaces] | None:
    """The data of a file and its places; None after noting problems that leave nothing to read."""
    if len(source) > MAX_BYTES:
        problems.add(
            Spot(file, 1, 1),
            f"the file has more than the {MAX_BYTES:,} bytes that a {manner.noun} may have.",
            manner.too_large,
        )
        return None
    text = _decode(source, file, problems, manner)
    if text is None:
        return None
    if file.endswith(".json"):  # JSON writes a sign beyond 16 bits as two escapes, which YAML does not know
        text = _PAIR.sub(_one_escape, text)
    places = FilePlaces(file, text)
    try:
        data = _Reader(places, problems, manner).value(Tree(text, file, manner).read())
    except Unreadable as error:
        problems.add(error.spot, error.message, error.remedy)
        return None
    if not is_mapping(data):
        problems.add(
            Spot(file, 1, 1),
            "the file is empty."
            if data is None
            else f"a {manner.noun} is a mapping of keys to values, but this is {_kind(data)}.",
            manner.begin,
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


def _decode(source: bytes, file: str, problems: Problems, manner: Manner) -> str | None:
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
        message = f"the control character U+{ord(bad[0]):04X} cannot stand in a {manner.noun}."
        problems.add(spot, message, "Delete it.")
        return None
    return text


class _Reader:
    """Turns nodes into plain data, noting places and duplicate keys."""

    def __init__(self, places: FilePlaces, problems: Problems, manner: Manner) -> None:
        self.manner = manner
        self.places = places
        self.problems = problems
        self.count = 0
        self.size = 0

    def value(self, node: Node, path: Path = (), key: Mark | None = None) -> Json:
        self.count += 1
        self.size += len(node.text) if isinstance(node, ScalarNode) else 0
        if self.count > MAX_NODES or self.size > MAX_TEXT:
            mark = node.start
            raise Unreadable(
                Spot(self.places.file, mark[0] + 1, mark[1] + 1),
                f"the {self.manner.noun} is too large once its aliases are written out.",
                self.manner.too_many,
            )
        if len(path) > MAX_DEPTH:
            raise Unreadable(
                self.places.value(path),
                f"this is nested more than {MAX_DEPTH} levels deep.",
                self.manner.too_deep,
            )
        self.places.note(path, node, key)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, ListNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
        return self._map(node, path)

    def _map(self, node: MapNode, path: Path) -> dict[str, Json]:
        data: dict[str, Json] = {}
        first: dict[str, Mark] = {}
        merged: list[Node] = []
        for key_node, value_node in node.items:
            if not isinstance(key_node, ScalarNode):
                self._add(
                    key_node.start,
                    "a key must be a word, not a list or mapping.",
                    "Put the text in quotes: `{{ … }}` unquoted is read as a mapping.",
                )
                continue
            key = key_node.text
            if key == "<<" and key_node.plain:
                merged += value_node.items if isinstance(value_node, ListNode) else [value_node]
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

    def _merge(self, node: Node, path: Path, data: dict[str, Json]) -> None:
        if not isinstance(node, MapNode):
            self._add(node.start, "`<<` takes a mapping.", "Give it an alias of one, like `<<: *defaults`.")
            return
        for key_node, value_node in node.items:
            if isinstance(key_node, ScalarNode) and key_node.text not in data and key_node.text != "<<":
                data[key_node.text] = self.value(value_node, (*path, key_node.text), key_node.start)

    def _scalar(self, node: ScalarNode, path: Path) -> Json:
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

    def _integer(self, text: str, node: ScalarNode) -> int:
        if len(text) <= 20:
            number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            if -(2**63) <= number < 2**63:
                return number
        self._add(
            node.start, f"the number {text[:20]}… is too large.", "Put it in quotes if it is a text, such as an id."
        )
        return 0

    def _add(self, mark: Mark, message: str, remedy: str) -> None:
        self.problems.add(Spot(self.places.file, mark[0] + 1, mark[1] + 1), message, remedy)

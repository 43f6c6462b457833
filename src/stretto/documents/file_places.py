"""Where each part of a file stands: keys, values, and single characters inside texts."""

from __future__ import annotations

from stretto.documents.problems import Path, Places, Spot
from stretto.documents.yaml_tree import LINE_END, Mark, Node, ScalarNode


class FilePlaces(Places):
    """Where each part of one file stands; texts taken from other files (prompts) have places of their own."""

    def __init__(self, file: str, source: str) -> None:
        super().__init__(file)
        self._lines = LINE_END.split(source)
        self._values: dict[Path, Node] = {}
        self._keys: dict[Path, Mark] = {}
        self._texts: dict[Path, tuple[str, str, int]] = {}
        self._mounted: dict[Path, Places] = {}

    def note(self, path: Path, node: Node, key: Mark | None) -> None:
        """Remembers where a value, and the key it stands under, begin."""
        self._values[path] = node
        if key is not None:
            self._keys[path] = key

    def text_from(self, path: Path, file: str, text: str, line: int = 1) -> None:
        """The value at `path` was read from `file`, where it begins at `line`: offsets inside it are places there."""
        self._texts[path] = (file, text, line)

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
            file, text, line = self._texts[path]
            before = text[:offset]
            return Spot(file, before.count("\n") + line, offset - before.rfind("\n"))
        while path and path not in self._values:
            path, offset = path[:-1], None
        node = self._values.get(path)
        if node is None:
            return Spot(self.file, 1, 1)
        if offset is not None and isinstance(node, ScalarNode):
            return self._spot(self._inside(node, offset))
        return self._spot(node.start)

    def _spot(self, mark: Mark) -> Spot:
        return Spot(self.file, mark[0] + 1, mark[1] + 1)

    def _inside(self, node: ScalarNode, offset: int) -> Mark:
        """The mark of a character of a scalar's text; its start where that cannot be told."""
        line, column = node.start
        if node.style in ("|", ">") or node.start[0] != node.end[0]:
            return self._inside_lines(node, offset)
        if node.style is None:
            return line, column + offset
        return line, column + _raw_offset(self._lines[line][column:], offset)

    def _inside_lines(self, node: ScalarNode, offset: int) -> Mark:
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

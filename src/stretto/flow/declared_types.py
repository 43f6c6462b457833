"""Types that flows declare for what agents and tools return, and what is known about a value's fields."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.plain import KINDS_IN_WORDS, Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Path, listing, nearest, suggest
from stretto.flow.drafts import Schema
from stretto.flow.json_schema import COMMON_MISTAKES, KEYWORDS, schema_problems
from stretto.flow.reading import TYPE_NAME, Reader

ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}


def record(fields: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> dict[str, Json]:
    """The schema of a mapping with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


VERDICT = record({"approved": {"type": "boolean"}, "comments": TEXT})
JUDGEMENT = record({"confidence": {"type": "number", "minimum": 0, "maximum": 1}, "reasons": TEXT})
_TASK: Schema = {
    "type": "object",
    "properties": {"id": {"type": "string", "minLength": 1}, "needs": {"type": "array", "items": {"type": "string"}}},
    "required": ["id"],
    "additionalProperties": True,
}
PLAN = record({"tasks": {"type": "array", "items": _TASK, "minItems": 1}, "reason": TEXT}, optional=("reason",))

BUILT_IN: Mapping[str, Schema] = {"Verdict": VERDICT, "Judgement": JUDGEMENT, "Plan": PLAN}
"""The types that every flow has."""

_FLAG = record(
    {
        "topic": TEXT,
        "how": {"type": "string", "enum": ["keyword", "meaning", "first_time", "money", "check", "rule"]},
        "found": TEXT,
        "score": {"type": ["number", "null"]},
    }
)
JUDGED = record(
    {
        "verdict": {"type": "string", "enum": ["approve", "reject", "escalate"]},
        "approved": {"type": "boolean"},
        "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "method": {"type": "string", "enum": ["stated", "samples", "logprobs", "checks"]},
        "calibrated": {"type": "boolean"},
        "stated": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "comments": TEXT,
        "reasons": {"type": "array", "items": TEXT},
        "flags": {"type": "array", "items": _FLAG},
        "sensitive": {"type": "boolean"},
        "mandatory": {"type": "boolean"},
        "policy": TEXT,
        "content_type": TEXT,
        "judge": TEXT,
    }
)
"""What a judge gives: see docs/judging.md."""
BUDGET = record(
    {
        "limit_usd": {"type": ["number", "null"]},
        "spent_usd": {"type": "number"},
        "left_usd": {"type": ["number", "null"]},
    }
)
WAITED = record({"timed_out": {"type": "boolean"}, "data": ANYTHING})
REVIEWED = record(
    {
        "approved": {"type": "boolean"},
        "verdict": {"type": "string", "enum": ["approve", "reject", "changes"]},
        "comments": TEXT,
        "by": TEXT,
        "value": ANYTHING,
    }
)

_WORDS = {"string", "number", "integer", "boolean", "object", "array", "null"}


def is_schema(value: Json) -> bool:
    """Whether a mapping is a JSON Schema rather than the short form `{field: type}`, whose fields may be called anything."""
    if not is_mapping(value) or any(key.endswith("?") for key in value):
        return False
    kind: Json = value.get("type")
    if isinstance(kind, str) or is_list(kind):
        words: list[Json] = kind if is_list(kind) else [kind]
        others = [key for key in value if key not in KEYWORDS]
        return all(word in _WORDS for word in words) and all(nearest(key, KEYWORDS) for key in others)
    lists = any(is_list(value.get(key)) for key in ("anyOf", "oneOf", "allOf", "enum"))
    return not value or lists or "$ref" in value or "const" in value or is_mapping(value.get("properties"))


class TypeReader:
    """Reads `types:` into JSON Schemas, the short form written out."""

    def __init__(self, reader: Reader, raw: Mapping[str, Json]) -> None:
        self._reader = reader
        self._raw = raw
        self._done: dict[str, Schema] = dict(BUILT_IN)
        self._open: list[str] = []

    def read(self) -> dict[str, Schema]:
        """All types by name, the built-in ones too."""
        for name in self._raw:
            path: Path = ("types", name)
            if not TYPE_NAME.fullmatch(name):
                self._reader.at_key(
                    path,
                    f"`{name}` cannot name a type.",
                    f"Write it like `{_camel(name)}`: letters and digits, a capital first.",
                )
            if name in BUILT_IN:
                self._reader.at_key(path, f"the type `{name}` is built in.", "Choose another name for yours.")
            elif name not in self._done:
                self._named(name, path)
        return self._done

    def _named(self, name: str, path: Path) -> Schema:
        if name in self._open:
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            self._reader.at_value(
                path, f"the type contains itself: {circle}.", "Write it as a JSON Schema with `$defs` and `$ref`."
            )
            return ANYTHING
        if name not in self._done:
            self._open.append(name)
            self._done[name] = self._type(self._raw[name], ("types", name))
            self._open.pop()
        return self._done[name]

    def _type(self, value: Json, path: Path) -> Schema:
        if is_schema(value):
            return check_schema(self._reader, value, path)
        if isinstance(value, str):
            return self._word(value, path)
        if is_list(value) and len(value) == 1:
            return {"type": "array", "items": self._type(value[0], (*path, 0))}
        if is_mapping(value):
            return self._short_form(value, path)
        self._reader.at_value(
            path,
            f"a type is a mapping of fields to types, but this is {kind_of(value)}.",
            "Write it like `{approved: boolean, comments: string}`.",
        )
        return ANYTHING

    def _short_form(self, value: Mapping[str, Json], path: Path) -> Schema:
        fields: dict[str, Schema] = {}
        optional: list[str] = []
        for key, item in value.items():
            name = key.removesuffix("?")
            if name != key:
                optional.append(name)
            fields[name] = self._type(item, (*path, key))
        return record(fields, tuple(optional))

    def _word(self, word: str, path: Path) -> Schema:
        if word in _WORDS:
            return {"type": word}
        if word == "any":
            return ANYTHING
        if word in self._raw or word in BUILT_IN:
            return self._named(word, path)
        if any(_camel(name) == word for name in self._raw):
            return ANYTHING  # that name is wrong itself, which is noted where it stands
        close = COMMON_MISTAKES.get(word.lower()) or nearest(word, [*_WORDS, *self._raw, *BUILT_IN])
        self._reader.at_value(
            path,
            f"there is no type `{word}`.",
            f"Did you mean `{close}`?"
            if close
            else f"There are {listing([*sorted(_WORDS), *self._raw, *BUILT_IN], 20)}.",
        )
        return ANYTHING


def _camel(name: str) -> str:
    words = "".join(character if character.isalnum() and character.isascii() else " " for character in name).split()
    camel = "".join(word[0].upper() + word[1:] for word in words)
    return camel if camel[:1].isalpha() else f"Type{camel}"


def check_schema(reader: Reader, schema: Json, path: Path) -> Schema:
    """Notes what is wrong with a JSON Schema; gives the schema, or one that fits anything."""
    sound = True
    for where, at_key, message, remedy in schema_problems(schema, path):
        sound = False
        (reader.at_key if at_key else reader.at_value)(where, message, remedy)
    return schema if sound and is_mapping(schema) else ANYTHING


def read_type_name(reader: Reader, path: tuple[str | int, ...], value: Json, types: Mapping[str, Schema]) -> str | None:
    """The name of a known type."""
    if not isinstance(value, str):
        reader.at_value(
            path,
            f"`returns` names a type, but this is {kind_of(value)}.",
            "Describe the type under `types:` and write its name here.",
        )
        return None
    if value not in types:
        reader.at_value(path, f"there is no type `{value[:80]}`.", suggest(value, types))
        return None
    return value


class NoSuchField(Exception):
    """A value of this type cannot have the field that is read."""

    def __init__(self, message: str, remedy: str) -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(message)


def field_type(schema: Schema, part: str | int, whole: str) -> Schema:
    """The type of a field of a value; `ANYTHING` where it is not known. Raises `NoSuchField`.

    `whole` is the value as the reader writes it, for the message.
    """
    kinds = kinds_of(schema)
    if kinds is None:
        return ANYTHING
    if isinstance(part, int):
        return _item_type(schema, kinds, part, whole)
    if "object" in kinds:
        properties: Mapping[str, Schema] = schema.get("properties") or {}
        if part in properties:
            return properties[part]
        is_closed = (
            "properties" in schema
            and schema.get("additionalProperties", False) is False
            and "patternProperties" not in schema
        )
        if not is_closed or len(kinds - {"null"}) > 1:
            return ANYTHING
        raise NoSuchField(
            f"`{whole}` has no field `{part}`",
            suggest(part, properties, f"It has {listing(list(properties))}." if properties else "It has none."),
        )
    if "array" in kinds and len(kinds - {"null"}) == 1:
        raise NoSuchField(
            f"`{whole}` is a list and has no field `{part}`",
            f"Take an item, like `{whole}[0].{part}`, or go through it with `for`.",
        )
    if kinds - {"null"}:
        what = "is a text" if kinds - {"null"} <= {"string"} else f"is {_in_words(kinds)}"
        raise NoSuchField(f"`{whole}` {what} and has no field `{part}`", "")
    return ANYTHING


def _item_type(schema: Schema, kinds: frozenset[str], part: int, whole: str) -> Schema:
    if "array" in kinds:
        items: Json = schema.get("items")
        return items if is_mapping(items) else ANYTHING
    if "string" in kinds:
        return TEXT
    if kinds <= {"object", "null"}:
        raise NoSuchField(f"`{whole}` is no list and has no item `[{part}]`", "Read one of its fields by name.")
    raise NoSuchField(f"`{whole}` is {_in_words(kinds)} and has no item `[{part}]`", "")


def _in_words(kinds: frozenset[str]) -> str:
    return " or ".join(words for kind, words in KINDS_IN_WORDS.items() if kind in kinds)


def in_words(schema: Schema) -> str:
    """A type in words, for messages."""
    kinds = kinds_of(schema)
    return _in_words(kinds) if kinds else "anything"


def kinds_of(schema: Schema) -> frozenset[str] | None:
    """The JSON types that a value may have; None where it is not known."""
    kind: Json = schema.get("type")
    if isinstance(kind, str):
        return frozenset({kind})
    if is_list(kind):
        return frozenset(str(item) for item in kind)
    values: Json = [schema["const"]] if "const" in schema else schema.get("enum")
    if is_list(values) and "$ref" not in schema:
        return frozenset(_kind_of_value(item) for item in values)
    return frozenset({"object"}) if "properties" in schema else None


def _kind_of_value(value: Json) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"

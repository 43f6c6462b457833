"""Which requests classical methods answer: only those that say plainly, by a convention, what is wanted of which text.

A request counts when all of this holds; in doubt it goes to a model.

- It is one user message, with system messages at most: no turns, tools, images or log-probabilities.
- It says what is wanted: by `returns`, an object whose properties are all in the table; or by a line `task: NAME`, the first of the
  user message or of a system message: `sentiment`, `key phrases`, `themes`, `answer` or `fill`.
- It says which text is meant: `<text>…</text>` or `<review>…</review>`, or all after a line that begins with `Text:` or `Review:`,
  or all below the line `task:` (the whole user message when that line is in a system message).
- The text is English, and for sentiment it holds a word of opinion.

| properties of `returns` | what they get |
|---|---|
| `sentiment`, `sentiment_score`: a number whose bounds, or whose description, are 0 to 5 | the lexicon's score |
| `sentiment`, `sentiment_label`: an enum of positive, neutral and negative | the score's class |
| `themes`; `key_phrases`, `keywords`: lists of strings | what the text is about |
| `answer` with `citations` (a list of strings or integers), and `found` (a boolean) | sentences of the passages |
| `method`: a string | which method answered |

An answer needs `Question: …` on a line, or `<question>…</question>`, and passages: `<passage id="…">…</passage>`, or lines that begin
with `[ID] `. `task: fill` needs a line `template: …` with places such as `{name}`, and below it a JSON object that has them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgspec

from stretto.gateway.local.extraction import Passage
from stretto.gateway.local.filling import can_fill
from stretto.gateway.local.sentiment import lexicon
from stretto.gateway.local.words import is_english, words_of
from stretto.gateway.provider import ModelRequest

MOST_CHARS = 20_000
"""Longer messages go to a model: an answer shall not hold up the event loop."""
MOST_PASSAGES = 50
LOOKED_AT = 1_000
"""So many characters of a text are looked at to tell its language."""

Kind = Literal[
    "score", "whole score", "label", "themes", "phrases", "answer", "citations", "numbers", "found", "method"
]

_TASK = re.compile(
    r"\s*task:[ \t]*(sentiment|key[ _-]?phrases|keywords|themes|answer|fill)[ \t]*(?:\n|\Z)", re.IGNORECASE
)
# What stands between two tags ends at the next tag of the same name, so that no text makes reading slow.
_TAGGED = re.compile(r"<(text|review)>([^<]*+(?:<(?!/?(?:text|review)>)[^<]*+)*+)</\1>", re.IGNORECASE)
_OPENED = re.compile(r"<(?:text|review)>", re.IGNORECASE)
_LABELLED = re.compile(r"^(?:text|review):[ \t]*", re.MULTILINE | re.IGNORECASE)
_QUESTION = re.compile(
    r"^question:[ \t]*(\S[^\n]*)|<question>([^<]*+(?:<(?!/?question>)[^<]*+)*+)</question>",
    re.MULTILINE | re.IGNORECASE,
)
_PASSAGE = re.compile(
    r"<(passage|document|source)\s+id=[\"']?([\w.:-]{1,64})[\"']?\s*>([^<]*+(?:<(?!/?\1\b)[^<]*+)*+)</\1>",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^\[([\w.:-]{1,64})\][ \t]+(\S.*)$", re.MULTILINE)
_TEMPLATE = re.compile(r"^template:[ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_ZERO_TO_FIVE = re.compile(r"\b0(?:\.0)?\s*(?:-|–|to|\.\.)\s*5\b")
_LABELS = ["negative", "neutral", "positive"]
_PLAIN = frozenset(["type", "title", "description", "minimum", "maximum", "enum", "items", "maxItems", "uniqueItems"])
_LISTS: Mapping[tuple[str, str], Kind] = {
    ("themes", "string"): "themes",
    ("key_phrases", "string"): "phrases",
    ("keywords", "string"): "phrases",
    ("citations", "string"): "citations",
    ("citations", "integer"): "numbers",
}


@dataclass(frozen=True, slots=True)
class Task:
    """What is wanted. `fields` are the properties of a structured answer, none where text is wanted."""

    methods: tuple[str, ...]
    text: str = ""
    question: str = ""
    passages: tuple[Passage, ...] = ()
    template: str = ""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fields: Mapping[str, tuple[Kind, int | None]] = field(default_factory=dict[str, "tuple[Kind, int | None]"])
    """By name: what it is, and how many items it has at most."""


def read_task(request: ModelRequest) -> Task | None:
    """What a request wants of classical methods; None when it is not for them."""
    if not _may_be(request):
        return None
    message = request.messages[-1].text
    if len(message) > MOST_CHARS:
        return None
    named = _TASK.match(message)
    below = message[named.end() :] if named else None
    if named is None:
        named = next((found for each in request.messages[:-1] if (found := _TASK.match(each.text))), None)
        below = message if named else None
    if request.returns is not None:
        fields = read_fields(request.returns)
        return None if fields is None else _structured(fields, message, below)
    if named is None or below is None:
        return None
    return _free(named[1].lower().replace("_", " ").replace("-", " "), message, below)


def _may_be(request: ModelRequest) -> bool:
    """What can be seen without reading any text: this turns away nearly all that is not for us."""
    messages = request.messages
    if request.returns is None and not any("task:" in each.text[:64].lower() for each in messages):
        return False
    return (
        bool(messages)
        and messages[-1].role == "user"
        and all(each.role == "system" for each in messages[:-1])
        and all(isinstance(each.content, str) for each in messages)
        and not request.tools
        and not request.stop
        and not (request.json_mode and request.returns is None)
        and request.top_logprobs is None
    )


def read_fields(schema: Mapping[str, Any]) -> dict[str, tuple[Kind, int | None]] | None:
    """The properties of an object's schema; None when any is not in the table."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or not properties:
        return None
    fields: dict[str, tuple[Kind, int | None]] = {}
    for name, value in cast("Mapping[str, object]", properties).items():
        if not isinstance(value, Mapping):
            return None
        one = cast("Mapping[str, Any]", value)
        kind = _kind_of(name, one) if one.keys() <= _PLAIN else None
        if kind is None:
            return None
        fields[name] = (kind, one.get("maxItems"))
    return fields


def _kind_of(name: str, schema: Mapping[str, Any]) -> Kind | None:
    match schema.get("type"):
        case "number" | "integer" as type_ if name in ("sentiment", "sentiment_score") and _is_zero_to_five(schema):
            return "score" if type_ == "number" else "whole score"
        case "string" if name in ("sentiment", "sentiment_label"):
            return "label" if _is_label(schema.get("enum")) else None
        case "string" if name in ("answer", "method") and "enum" not in schema:
            return "answer" if name == "answer" else "method"
        case "boolean" if name == "found":
            return "found"
        case "array":
            return _LISTS.get((name, _item_type(schema.get("items"))))
        case _:
            return None


def _is_zero_to_five(schema: Mapping[str, Any]) -> bool:
    bounds = (schema.get("minimum"), schema.get("maximum"))
    said = bounds == (None, None) and _ZERO_TO_FIVE.search(str(schema.get("description", "")))
    return "enum" not in schema and (bounds == (0, 5) or bool(said))


def _is_label(words: object) -> bool:
    return isinstance(words, list) and sorted(map(str, cast("list[object]", words))) == _LABELS


def _item_type(items: object) -> str:
    """The type of a list's items, nothing where they are bound by more than it."""
    if not isinstance(items, Mapping):
        return ""
    item = cast("Mapping[str, Any]", items)
    return str(item.get("type")) if item.keys() <= {"type", "title", "description"} else ""


def _structured(fields: Mapping[str, tuple[Kind, int | None]], message: str, below: str | None) -> Task | None:
    kinds = {kind for kind, _ in fields.values()}
    judged = kinds & {"score", "whole score", "label", "themes", "phrases"}
    if "answer" in kinds:
        cited = kinds & {"citations", "numbers"}
        return _answer(message, fields) if cited and not judged else None
    if not judged or kinds - judged - {"method"}:
        return None
    methods = tuple(
        name
        for name, wanted in (
            ("lexicon-sentiment", {"score", "whole score", "label"}),
            ("themes", {"themes"}),
            ("key-phrases", {"phrases"}),
        )
        if wanted & judged
    )
    return _judged(methods, _marked(message) or below, fields)


def _free(name: str, message: str, below: str) -> Task | None:
    match name:
        case "sentiment":
            return _judged(("lexicon-sentiment",), _marked(message) or below)
        case "themes":
            return _judged(("themes",), _marked(message) or below)
        case "answer":
            return _answer(message, {})
        case "fill":
            return _fill(message)
        case _:
            return _judged(("key-phrases",), _marked(message) or below)


def _marked(message: str) -> str | None:
    """The text that a message marks, if it marks exactly one."""
    opened = len(_OPENED.findall(message))
    if opened:
        tagged = _TAGGED.search(message)
        return tagged[2] if tagged and opened == 1 else None
    labelled = list(_LABELLED.finditer(message))
    return message[labelled[0].end() :] if len(labelled) == 1 else None


def _judged(
    methods: tuple[str, ...], text: str | None, fields: Mapping[str, tuple[Kind, int | None]] | None = None
) -> Task | None:
    text = (text or "").strip()
    words = words_of(text[:LOOKED_AT])
    if not words or not is_english(words):
        return None
    if "lexicon-sentiment" in methods:
        worth = lexicon()
        if not any(word in worth for word in words):
            return None
    return Task(methods, text=text, fields=fields or {})


def _answer(message: str, fields: Mapping[str, tuple[Kind, int | None]]) -> Task | None:
    questions = _QUESTION.findall(message)
    if len(questions) != 1:
        return None
    passages = [Passage(id_, text.strip()) for _, id_, text in _PASSAGE.findall(message)]
    passages = passages or [Passage(id_, text) for id_, text in _NUMBERED.findall(message)]
    ids = {passage.id for passage in passages}
    if not 0 < len(passages) <= MOST_PASSAGES or len(ids) < len(passages):
        return None
    if any(kind == "numbers" for kind, _ in fields.values()) and not all(id_.isdecimal() for id_ in ids):
        return None
    if not is_english(words_of(" ".join(passage.text for passage in passages)[:LOOKED_AT])):
        return None
    question = (questions[0][0] or questions[0][1]).strip()
    return Task(("extraction",), question=question, passages=tuple(passages), fields=fields)


def _fill(message: str) -> Task | None:
    found = list(_TEMPLATE.finditer(message))
    if len(found) != 1:
        return None
    try:
        data: object = msgspec.json.decode(message[found[0].end() :].strip())
    except msgspec.DecodeError:
        return None
    if not isinstance(data, dict):
        return None
    values = cast("dict[str, Any]", data)
    template = found[0][1].strip()
    return Task(("filling",), template=template, data=values) if can_fill(template, values) else None

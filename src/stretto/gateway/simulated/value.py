"""Simulated structured answers: a JSON value made from a JSON Schema, and valid against it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from random import Random
from typing import Any, cast

import jsonschema_rs

from stretto.errors import ModelRefused
from stretto.gateway.simulated.prose import write_prose
from stretto.gateway.simulated.reading import MARK, TAKEN_UP, Reading

Schema = Mapping[str, Any]
_ATTEMPTS = 12
_DEEPEST = 32
_SHALLOW = 4  # below this depth only what is required is written
_FAVOURABLE = re.compile(r"approv|accept|pass|\bok\b|good|done|valid|safe|complete|finish|ready|success", re.IGNORECASE)
_ADVERSE = re.compile(r"reject|block|unsafe|invalid|fail|incomplete|needs_|violat|problem|error", re.IGNORECASE)
_LIKELIHOOD = re.compile(r"confidence|score|probability|likelihood|quality", re.IGNORECASE)
_REMARK = re.compile(r"comment|reason|feedback|note|remark|explanation|issue", re.IGNORECASE)
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT10M",
    "email": "simulated@example.com",
    "hostname": "simulated.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/simulated",
    "uri-reference": "/simulated",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "regex": "simulated",
    "json-pointer": "/simulated",
}
_CANDIDATES = ("simulated", "Simulated", "SIMULATED", "sim", "s", "sim-1", "sim_1", "S1", "1", "12", "2026", "A", "AB", "ABC", "#5a5a5a")  # fmt: skip
_TASKS = ("outline", "gather", "draft", "compare", "check", "polish")
_REJECTIONS = (
    "[simulated] Say more plainly how {a} and {b} work together.",
    "[simulated] The part on {a} needs an example.",
    "[simulated] It is not clear what happens to {b} when {a} is missing.",
    "[simulated] Shorten what is said on {b}.",
)
_APPROVALS = (
    "[simulated] Clear and complete; {a} is well covered.",
    "[simulated] Good as it stands, {b} included.",
    "[simulated] Nothing stands in the way of {a}.",
)


class _Impossible(Exception):
    """No value can be made here."""


def write_value(schema: Schema, reading: Reading, rng: Random) -> str:
    """A JSON text that fits the schema. Raises `ModelRefused` when none was found."""
    try:
        validator = jsonschema_rs.Draft202012Validator(dict(schema), retriever=_refuse)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise ModelRefused(
            f"This is no JSON Schema that can be used: {first_line(error)}. Correct the type."
        ) from error
    fault = "it asks for more than the simulated provider can make up"
    for attempt in range(_ATTEMPTS):
        try:
            value = _Writer(schema, reading, rng, fullness=1.0 if attempt in (1, 2) else 0.6).write()
        except _Impossible as error:
            fault = str(error)
            continue
        problem = next(iter(validator.iter_errors(value)), None)
        if problem is None:
            return json.dumps(value, indent=2, ensure_ascii=False)
        fault = problem.message
    raise ModelRefused(
        f"The simulated provider found no value that fits the type: {fault}. Simplify it, or use a model."
    )


def _refuse(uri: str) -> Any:
    raise ValueError(f"it may refer only to its own parts, not to {uri}")


def first_line(error: Exception) -> str:
    """The first line of an error's message, without its full stop."""
    return str(error).split("\n", 1)[0].rstrip(".")


class _Writer:
    """Writes one value; what it decides on approval holds for the whole of it."""

    def __init__(self, root: Schema, reading: Reading, rng: Random, fullness: float) -> None:
        self.root = root
        self.reading = reading
        self.rng = rng
        self.fullness = fullness
        self.approves = rng.random() < reading.approval

    def write(self) -> Any:
        return self.value(self.root, "", 0)

    def value(self, schema: Schema | bool, name: str, depth: int) -> Any:
        if schema is False or depth > _DEEPEST:
            raise _Impossible(f"no end was found at {name or 'its root'!r}")
        if schema is True:
            return "[simulated]"
        schema = self.flatten(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.choice(list(schema["enum"]))
        kind = self.kind(schema)
        match kind:
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.array(schema, name, depth)
            case _:
                return self.scalar(schema, name, kind)

    def scalar(self, schema: Schema, name: str, kind: str) -> str | float | bool | None:
        match kind:
            case "boolean":
                return self.boolean(name)
            case "integer" | "number":
                return self.number(schema, name, whole=kind == "integer")
            case "null":
                return None
            case _:
                return self.string(schema, name)

    def flatten(self, schema: Schema, depth: int) -> Schema:
        """Follow `$ref`, join `allOf`, choose among `anyOf` and `oneOf`."""
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                target = self.resolve(str(schema["$ref"]))
                schema = join(target, without(schema, "$ref"))
            elif "allOf" in schema:
                parts = cast("list[Schema]", schema["allOf"])
                schema = without(schema, "allOf")
                for part in parts:
                    schema = join(schema, self.flatten(part, depth))
            elif options := (schema.get("anyOf") or schema.get("oneOf")):
                schema = join(without(schema, "anyOf", "oneOf"), self.option(list(options), depth))
            else:
                return schema
        raise _Impossible("its references go round in a circle")

    def option(self, options: list[Schema], depth: int) -> Schema:
        if depth > _SHALLOW:  # towards an end
            options = [o for o in options if "$ref" not in o and o.get("type") not in ("object", "array")] or options
        return self.rng.choice(options)

    def resolve(self, ref: str) -> Schema:
        if not ref.startswith("#"):
            raise _Impossible(f"{ref!r} points outside of the type")
        target: Any = self.root
        for part in ref[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            try:
                target = target[int(key) if isinstance(target, list) else key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise _Impossible(f"{ref!r} points nowhere") from None
        return cast("Schema", target)

    def kind(self, schema: Schema) -> str:
        given = schema.get("type")
        if isinstance(given, str):
            return given
        if isinstance(given, list):
            kinds = cast("list[str]", given)
            return self.rng.choice([kind for kind in kinds if kind != "null"] or kinds)
        if "properties" in schema or "required" in schema:
            return "object"
        if "items" in schema or "prefixItems" in schema:
            return "array"
        if "minimum" in schema or "maximum" in schema:
            return "number"
        return "string"

    def choice(self, values: list[Any]) -> Any:
        """One of an enum; a favourable word when the answer approves."""
        if not values:
            raise _Impossible("an enum is empty")
        adverse = [v for v in values if isinstance(v, str) and _ADVERSE.search(v)]
        favourable = [v for v in values if isinstance(v, str) and v not in adverse and _FAVOURABLE.search(v)]
        if favourable and adverse:
            return self.rng.choice(favourable if self.approves else adverse)
        return self.rng.choice(values)

    def boolean(self, name: str) -> bool:
        if _ADVERSE.search(name):
            return not self.approves
        if _FAVOURABLE.search(name):
            return self.approves
        return self.rng.random() < 0.5

    def number(self, schema: Schema, name: str, *, whole: bool) -> float | int:
        low = max(float(schema.get("minimum", -math.inf)), float(schema.get("exclusiveMinimum", -math.inf)))
        high = min(float(schema.get("maximum", math.inf)), float(schema.get("exclusiveMaximum", math.inf)))
        if math.isinf(low):
            low = min(0.0, high - 100) if not math.isinf(high) else 0.0
        if math.isinf(high):
            high = low + 100
        at = self.rng.random()
        if _LIKELIHOOD.search(name):
            at = self.rng.uniform(0.9, 0.99) if self.approves else self.rng.uniform(0.5, 0.92)
        drawn = low + (high - low) * at
        if step := schema.get("multipleOf"):
            drawn = min(math.floor(high / step), max(math.ceil(low / step), round(drawn / step))) * step
            if drawn == schema.get("exclusiveMinimum"):
                drawn += step
            elif drawn == schema.get("exclusiveMaximum"):
                drawn -= step
            return int(drawn) if whole else drawn
        if whole:
            first = math.floor(low) + 1 if "exclusiveMinimum" in schema and low == math.floor(low) else math.ceil(low)
            last = math.ceil(high) - 1 if "exclusiveMaximum" in schema and high == math.ceil(high) else math.floor(high)
            return min(last, max(first, round(drawn)))
        rounded = round(drawn, 2)
        return rounded if low < rounded < high else drawn

    def string(self, schema: Schema, name: str) -> str:
        if "pattern" in schema:
            return self.matching(schema)
        if (form := schema.get("format")) in _FORMATS:
            return _FORMATS[form]
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        if name.lower() in ("id", "key", "slug"):
            text = f"sim-{self.rng.randrange(1000)}"
        elif _REMARK.search(name):
            said = self.rng.choice(_APPROVALS if self.approves else _REJECTIONS)
            n = self.rng.randrange(len(self.reading.words))
            text = said.format(a=self.reading.word(n), b=self.reading.word(n + 1))
        elif name.lower() in ("name", "title", "label", "topic"):
            text = f"{self.rng.choice(self.reading.words)} [simulated]"
        else:
            text = self.sentence()
        while len(text) < least:
            text += " " + self.sentence()
        if most is not None and len(text) > int(most):
            text = text[: int(most)]
        return text

    def sentence(self) -> str:
        text = write_prose(self.reading, self.rng, 1).replace(MARK, "").strip()
        sentences = [part for part in text.split(". ") if TAKEN_UP not in part] or [text]
        return "[simulated] " + self.rng.choice(sentences).strip().rstrip(".") + "."

    def matching(self, schema: Schema) -> str:
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 1 << 30))
        words = [*_CANDIDATES, *_FORMATS.values(), *self.reading.words, *(w.lower() for w in self.reading.words)]
        words += [word.ljust(least, "s") for word in words if len(word) < least]
        try:
            pattern = re.compile(str(schema["pattern"]))
        except re.error:
            raise _Impossible(f"the pattern {schema['pattern']!r} is beyond the simulated provider") from None
        fitting = [word for word in words if least <= len(word) <= most and pattern.search(word)]
        if not fitting:
            raise _Impossible(f"the pattern {schema['pattern']!r} is beyond the simulated provider")
        return self.rng.choice(fitting)

    def object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = cast("dict[str, Schema | bool]", schema.get("properties", {}))
        required = cast("list[str]", schema.get("required", []))
        fullness = self.fullness if depth <= _SHALLOW else 0.0
        made = {
            name: self.value(inner, name, depth + 1)
            for name, inner in properties.items()
            if name in required or (inner is not False and self.rng.random() < fullness)
        }
        rest = schema.get("additionalProperties", True)
        extra = [name for name in required if name not in properties]
        extra += [f"simulated_{n}" for n in range(1, int(schema.get("minProperties", 0)) - len(made) - len(extra) + 1)]
        made.update({name: self.value(rest, name, depth + 1) for name in extra})
        return made

    def array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(least, 4)))
        items = cast("Schema | bool", schema.get("items", True))
        inner = None if isinstance(items, bool) else self.flatten(items, depth + 1)
        if inner is not None and is_task(inner):
            return self.tasks(inner, max(3, least), int(schema.get("maxItems", 6)), depth)
        first = cast("list[Schema | bool]", schema.get("prefixItems", []))
        made = [self.value(part, name, depth + 1) for part in first][:most]
        size = least if depth > _SHALLOW else self.rng.randint(min(max(least, 1), most), min(most, max(least, 4)))
        if items is False:
            return made
        for _ in range(size * 20):
            if len(made) >= size:
                break
            value = self.value(items, name, depth + 1)
            if not (schema.get("uniqueItems") and value in made):
                made.append(value)
        return made

    def tasks(self, item: Schema, least: int, most: int, depth: int) -> list[dict[str, Any]]:
        """A plan: tasks that need only tasks before them."""
        size = self.rng.randint(min(least, most), min(most, max(least, 6)))
        needs_schema = cast("Schema", cast("Schema", item["properties"])["needs"])
        made: list[dict[str, Any]] = []
        for n in range(size):
            task = self.object(item, depth + 1)
            turn = f"-{n // len(_TASKS) + 1}" if n >= len(_TASKS) else ""
            before = [str(other["id"]) for other in made]
            needs = sorted(self.rng.sample(before, self.rng.randint(0, min(2, n))), key=before.index)
            most_needs = int(needs_schema.get("maxItems", len(needs)))
            made.append(task | {"id": _TASKS[n % len(_TASKS)] + turn, "needs": needs[:most_needs]})
        return made


def is_task(schema: Schema) -> bool:
    """Whether these are a plan's tasks: objects with an `id` and the ids that they `need`."""
    properties = cast("dict[str, object]", schema.get("properties", {}))
    return {"id", "needs"} <= properties.keys() and all(isinstance(properties[key], Mapping) for key in ("id", "needs"))


def without(schema: Schema, *keys: str) -> Schema:
    """The schema less these keywords."""
    return {key: value for key, value in schema.items() if key not in keys}


def join(left: Schema, right: Schema) -> Schema:
    """Both schemas in one: properties and what is required are united, the right one wins elsewhere."""
    joined = {**left, **right}
    if "properties" in left and "properties" in right:
        joined["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left and "required" in right:
        joined["required"] = list(dict.fromkeys([*left["required"], *right["required"]]))
    return joined

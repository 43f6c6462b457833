"""Check what is read against what is given: fields that no value will have, comparisons that can never hold."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.plain import Json, is_list, is_mapping
from stretto.documents.problems import Path, listing, nearest
from stretto.flow import cel_tree
from stretto.flow.check_streams import returned_type
from stretto.flow.declared_types import NoSuchField, field_type, in_words, kinds_of
from stretto.flow.drafts import DraftBlock, DraftFlow, DraftStep, NameRead, Schema, Use
from stretto.flow.expressions import Condition
from stretto.flow.infer import Types
from stretto.flow.json_schema import misfits
from stretto.flow.reading import Reader
from stretto.flow.templates import Constant

_NUMBERS = frozenset({"number", "integer"})
_NULL = frozenset({"null"})
_BOOLEAN = frozenset({"boolean"})
_COMPARISONS = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_LOGIC = {"_&&_": "&&", "_||_": "||", "!_": "!"}


class TypeChecker:
    """Checks one flow, whose references are resolved."""

    def __init__(self, reader: Reader, flow: DraftFlow, types: Types) -> None:
        self._reader = reader
        self._flow = flow
        self._types = types

    def check(self) -> None:
        """Notes every mismatch between what is read and what is given."""
        self._block(self._flow.root)
        for step in self._flow.steps.values():
            for use in step.uses:
                self._use(use, step, step.block)
            for use in step.until:
                self._use(use, None, step.blocks[0])
            for block in step.blocks:
                self._block(block)
            if step.kind == "map":
                self._map(step)

    def _block(self, block: DraftBlock) -> None:
        for use in block.output_uses:
            self._use(use, None, block)

    def _use(self, use: Use, step: DraftStep | None, block: DraftBlock) -> None:
        for read in use.reads:
            self.fields(use.path, read, self._name(read.name, step, block, use), self._origin(read.name))
        if isinstance(use.text, Condition):
            self._condition(use, use.text, step, block)

    def _name(self, name: str, step: DraftStep | None, block: DraftBlock, use: Use) -> Schema:
        if use.role == "feedback" and step is not None and name == step.id:
            return self._types.each_value(step)
        return self._types.name(name, step, block)

    def fields(self, path: Path, read: NameRead, schema: Schema, origin: str = "") -> None:
        """Notes a field that the value cannot have; `origin` says how to give it fields when it is plain text."""
        whole = read.name
        for part in read.trail:
            try:
                schema = field_type(schema, part, whole)
            except NoSuchField as error:
                remedy = (
                    error.remedy
                    if error.remedy and not (origin and "Did you" not in error.remedy)
                    else origin
                    if whole == read.name
                    else error.remedy
                )
                self._reader.at_value(path, f"{error.message}.", remedy, read.offset)
                return
            whole += f"[{part}]" if isinstance(part, int) else f".{part}"

    def _origin(self, name: str) -> str:
        if name == "input":
            return "Describe it under `input:`, or correct the name."
        step = self._flow.steps.get(name)
        if step is None:
            return ""
        if step.kind == "agent" and step.agent and returned_type(self._flow, step) is None:
            return f"Read `{name}` as a whole, or give agent `{step.agent}` a type with `returns`."
        return ""

    def _map(self, step: DraftStep) -> None:
        schema = self._types.source(step)
        kinds = kinds_of(schema)
        if kinds is None or step.over is None:
            return
        key = "tasks" if step.is_planned else "over"
        read = step.over.reads[0]
        if "array" not in kinds:
            shown = "".join([read.name, *(f".{part}" for part in read.trail)])
            properties: Mapping[str, Schema] = schema.get("properties") or {}
            lists = [name for name, inner in properties.items() if "array" in (kinds_of(inner) or ())]
            remedy = f"Did you mean `{{{{ {shown}.{lists[0]} }}}}`?" if lists else self._list_remedy(read.name)
            self._reader.at_value(
                step.over.path, f"`{key}` needs a list, but `{shown}` is {in_words(schema)}.", remedy, read.offset
            )
        elif step.is_planned:
            self._tasks(step, schema)

    def _list_remedy(self, name: str) -> str:
        step = self._flow.steps.get(name)
        if step is not None and step.kind == "agent" and returned_type(self._flow, step) is None:
            return f"Let agent `{step.agent}` return a type that holds a list, such as `Plan`."
        return "Give it something of type `array`."

    def _tasks(self, step: DraftStep, schema: Schema) -> None:
        items: Json = schema.get("items")
        kinds = kinds_of(items) if is_mapping(items) else None
        assert step.over is not None
        if kinds is not None and "object" not in kinds:
            self._reader.at_value(
                step.over.path,
                f"each task is a mapping with an `id`, but here each is {in_words(items)}.",
                "Go through a plain list with `over`.",
            )
            return
        properties: Mapping[str, Schema] = items.get("properties") or {} if is_mapping(items) else {}
        if properties and "id" not in properties and not items.get("additionalProperties", False):
            self._reader.at_value(
                step.over.path,
                f"each task needs an `id`, but here each has {listing(list(properties))}.",
                "Add `id` (and `needs?: [string]`) to the type, or use `over`.",
            )

    def _condition(self, use: Use, condition: Condition, step: DraftStep | None, block: DraftBlock) -> None:
        tree = condition.tree
        if condition.result not in ("BOOL", "DYN", "ERROR", "ANY"):
            self._reader.at_value(
                use.path,
                f"the condition gives {_RESULTS.get(condition.result.split('<')[0], 'a value')}, not true or false.",
                "Compare it with something.",
            )
            return
        if isinstance(tree, cel_tree.Constant):
            if (tree.value is False and use.role == "when") or (tree.value is False and use.path[-1] == "when"):
                self._reader.at_value(
                    use.path,
                    "this is never true, so what follows is never reached.",
                    "Correct the condition, or delete the step.",
                )
            return
        typed = _Typed(self._types, step, block)
        if isinstance(tree, cel_tree.Field):
            self._must_be_bool(use, tree, typed, f"`{use.path[-1]}`")
        for call in cel_tree.calls(tree):
            if call.function in _LOGIC:
                for arg in call.args:
                    self._must_be_bool(use, arg, typed, f"`{_LOGIC[call.function]}`")
            elif call.function in _COMPARISONS and len(call.args) == 2:
                self._comparison(use, call, typed)

    def _must_be_bool(self, use: Use, node: cel_tree.Node, typed: _Typed, where: str) -> None:
        if not isinstance(node, cel_tree.Field) or node.asks:
            return
        schema = typed.of(node)
        kinds = kinds_of(schema)
        if kinds is not None and "boolean" not in kinds and kinds != _NULL:
            shown = _dotted(node)
            example = f"size({shown}) > 0" if kinds & {"string", "array", "object"} else f"{shown} > 0"
            properties: Mapping[str, Schema] = schema.get("properties") or {}
            flags = [name for name, inner in properties.items() if kinds_of(inner) == _BOOLEAN]
            remedy = f"Did you mean `{shown}.{flags[0]}`?" if flags else f"Compare it, like `{example}`."
            self._reader.at_value(
                use.path, f"{where} needs true or false, but `{shown}` is {in_words(schema)}.", remedy, node.offset
            )

    def _comparison(self, use: Use, call: cel_tree.Call, typed: _Typed) -> None:
        left, right = call.args
        sides = [(_kinds(left, typed), left), (_kinds(right, typed), right)]
        if sides[0][0] is None or sides[1][0] is None:
            return
        sign = _COMPARISONS[call.function]
        if not _comparable(sides[0][0], sides[1][0]):
            field, other = (left, right) if isinstance(left, cel_tree.Field) else (right, left)
            if isinstance(field, cel_tree.Field):
                given = _said(other, typed)
                remedy = "Put both on the same footing."
                if kinds_of(typed.of(field)) == _BOOLEAN:
                    remedy = f"Write just `{_dotted(field)}` or `!{_dotted(field)}`."
                elif (
                    isinstance(other, cel_tree.Constant)
                    and other.kind == "text"
                    and _NUMBERS & (kinds_of(typed.of(field)) or frozenset())
                ):
                    remedy = "Write the number without quotes."
                self._reader.at_value(
                    use.path,
                    f"`{_dotted(field)}` is {in_words(typed.of(field))} and is compared (`{sign}`) with {given}.",
                    remedy,
                    call.offset,
                )
        elif sign in ("==", "!="):
            for field, other in ((left, right), (right, left)):
                self._choice(use, field, other, typed)

    def _choice(self, use: Use, field: cel_tree.Node, other: cel_tree.Node, typed: _Typed) -> None:
        if not isinstance(field, cel_tree.Field) or not isinstance(other, cel_tree.Constant) or other.kind != "text":
            return
        choices: Json = typed.of(field).get("enum")
        if is_list(choices) and other.value not in choices:
            words = [str(choice) for choice in choices]
            close = nearest(str(other.value), words)
            remedy = f"Did you mean `{close}`?" if close else f"It is one of {listing(words)}."
            self._reader.at_value(use.path, f"`{_dotted(field)}` is never `{other.value}`.", remedy, other.offset)


class _Typed:
    """The types of what one condition reads."""

    def __init__(self, types: Types, step: DraftStep | None, block: DraftBlock) -> None:
        self._types = types
        self._step = step
        self._block = block

    def of(self, node: cel_tree.Field) -> Schema:
        return self._types.trail(NameRead(node.name, node.trail, node.offset), self._step, self._block)


_RESULTS = {
    "INT": "a number",
    "DOUBLE": "a number",
    "UINT": "a number",
    "STRING": "a text",
    "LIST": "a list",
    "MAP": "a mapping",
    "NULL": "null",
}
_CONSTANT_KINDS = {
    "null": "null",
    "bool": "boolean",
    "int": "integer",
    "uint": "integer",
    "double": "number",
    "text": "string",
}


def _kinds(node: cel_tree.Node, typed: _Typed) -> frozenset[str] | None:
    if isinstance(node, cel_tree.Constant):
        return frozenset({_CONSTANT_KINDS[node.kind]}) if node.kind in _CONSTANT_KINDS else None
    return kinds_of(typed.of(node)) if isinstance(node, cel_tree.Field) and not node.asks else None


def _comparable(left: frozenset[str], right: frozenset[str]) -> bool:
    if "null" in left or "null" in right:
        return True
    return bool(left & right) or bool(left & _NUMBERS and right & _NUMBERS)


def _said(node: cel_tree.Node, typed: _Typed) -> str:
    if isinstance(node, cel_tree.Constant):
        return {"text": f"the text `{node.value}`", "bool": f"`{str(node.value).lower()}`"}.get(node.kind, "a number")
    return (
        f"`{_dotted(node)}`, which is {in_words(typed.of(node))}"
        if isinstance(node, cel_tree.Field)
        else "something else"
    )


def _dotted(node: cel_tree.Field) -> str:
    return node.name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in node.trail)


def check_inner_input(reader: Reader, step: DraftStep, name: str, wanted: Schema, types: Types) -> None:
    """Notes inputs that a step gives to the flow it runs and that do not fit."""
    properties: Mapping[str, Schema] = wanted["properties"]
    meant: set[str] = set()
    for key in step.input:
        if key not in properties:
            close = nearest(key, properties)
            meant.add(close or "")
            there = f"It takes {listing(list(properties))}." if properties else "It takes none."
            reader.at_key(
                (*step.input_path, key),
                f"flow `{name}` has no input `{key}`.",
                f"Did you mean `{close}`?" if close else there,
            )
    missing = [key for key in wanted["required"] if key not in step.input and key not in meant]
    if missing and not step.is_unsure:
        reader.at_key(
            (*step.path, "flow"),
            f"flow `{name}` needs the input {listing(missing)}.",
            f'Add `{missing[0]}: "{{{{ … }}}}"` to the `input` of `{step.id}`.',
        )
    for key, template in step.input.items():
        if key not in properties:
            continue
        path = (*step.input_path, key)
        if isinstance(template, Constant):
            for misfit in misfits(properties[key], template.value, most=1):
                reader.at_value((*path, *misfit.path), f"input `{key}` of flow `{name}` {misfit.message}.")
            continue
        reads = [use.reads for use in step.uses if use.path[: len(path)] == path]
        given = types.template(template, reads, step, step.block)
        given_kinds, wanted_kinds = kinds_of(given), kinds_of(properties[key])
        if given_kinds is not None and wanted_kinds is not None and not _fits(given_kinds, wanted_kinds):
            reader.at_value(
                path,
                f"input `{key}` of flow `{name}` must be {in_words(properties[key])}, but this is {in_words(given)}.",
            )


def _fits(given: frozenset[str], wanted: frozenset[str]) -> bool:
    return bool(given & wanted) or bool(given & _NUMBERS and wanted & _NUMBERS)

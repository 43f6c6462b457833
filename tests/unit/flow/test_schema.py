"""The published schema: every sound flow fits it, and every flow with a mistake of form does not."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from stretto.documents.plain import Json
from stretto.documents.problems import Problems
from stretto.flow import compile_document, load_flow
from stretto.flow.parse import parse
from stretto.flow.schema import flow_schema, schema_text
from stretto.flow.vocabulary import AGENT_KEYS, FLOW_KEYS, STEP_KEYS
from tests.unit.flow.test_builder import YAML

ROOT = Path(__file__).parents[3]
BROKEN = Path(__file__).parent / "broken"
VALIDATOR = jsonschema_rs.Draft202012Validator(flow_schema())

# Mistakes of form, by the number of the broken flow; the other flows have mistakes of meaning, or are no YAML.
OF_FORM = {1, 2, 3, 4, 5, 7, 8, 9, 20, 21, 30, 31, 37, 38, 39, 42, 45, 46, 47, 48, 49, 51, 54, 55, 56, 59, 61, 63}


def read(path: Path) -> dict[str, Json] | None:
    found = parse(path.read_bytes(), path.name, Problems())
    return found[0] if found else None


def misfits(flow: Json) -> list[str]:
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in VALIDATOR.iter_errors(flow)]


def test_the_shipped_file_is_what_the_code_gives() -> None:
    shipped = (ROOT / "src/stretto/flow/flow.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(), "run: python -m stretto.flow.schema > src/stretto/flow/flow.schema.json"


def test_it_is_a_sound_schema() -> None:
    jsonschema_rs.meta.validate(flow_schema())


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_fit_as_written_and_as_stored(path: Path) -> None:
    assert misfits(read(path)) == []
    assert misfits(load_flow(path).document) == []


def test_every_word_of_the_language_fits() -> None:
    found = parse(YAML.encode(), "everything", Problems())
    assert found is not None
    assert misfits(found[0]) == []
    assert misfits(compile_document(found[0]).document) == []


@pytest.mark.parametrize("path", sorted(BROKEN.glob("[0-9][0-9]_*.yaml")), ids=lambda path: path.stem)
def test_broken_flows(path: Path) -> None:
    flow = read(path)
    if flow is not None:
        assert bool(misfits(flow)) is (int(path.name[:2]) in OF_FORM)


def test_every_key_is_described() -> None:
    schema = flow_schema()
    assert set(schema["properties"]) == set(FLOW_KEYS)
    assert set(schema["$defs"]["step"]["properties"]) == set(STEP_KEYS)
    assert set(schema["$defs"]["agent"]["properties"]) == set(AGENT_KEYS)
    for name in ("step", "agent"):
        for key, inner in schema["$defs"][name]["properties"].items():
            assert "description" in inner or "$ref" in inner, key

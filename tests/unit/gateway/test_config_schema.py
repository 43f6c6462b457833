"""The published schema of stretto.yaml: sound configurations fit it, and those with mistakes of form do not."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema_rs
import pytest

from stretto.documents.parse import parse
from stretto.documents.plain import Json
from stretto.documents.problems import Problems
from stretto.gateway.read_config import CONFIGURATION
from stretto.gateway.reading.schema import config_schema, schema_text
from tests.unit.gateway.test_read_config import BROKEN, FULL

ROOT = Path(__file__).parents[3]
VALIDATOR = jsonschema_rs.Draft202012Validator(config_schema())
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/gateway.md").read_text(encoding="utf-8"), re.DOTALL)

# What only reading finds: references, order, what was used twice; and what is no YAML at all.
OF_MEANING = {4, 7, 13}


def data_of(text: str) -> Json:
    found = parse(text.encode(), "a", Problems(), CONFIGURATION)
    return found[0] if found else None


def misfits(text: str) -> list[str]:
    found = VALIDATOR.iter_errors(data_of(text))
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in found]


def test_the_shipped_file_is_what_the_code_gives() -> None:
    shipped = (ROOT / "src/stretto/gateway/stretto.schema.json").read_text(encoding="utf-8")
    told = "run: python -m stretto.gateway.reading.schema > src/stretto/gateway/stretto.schema.json"
    assert shipped == schema_text(), told


def test_it_is_a_sound_schema() -> None:
    jsonschema_rs.meta.validate(config_schema())


@pytest.mark.parametrize("text", [FULL, *EXAMPLES], ids=range(len(EXAMPLES) + 1))
def test_sound_configurations_fit(text: str) -> None:
    assert misfits(text) == []


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_configurations(path: Path) -> None:
    data = data_of(path.read_text(encoding="utf-8"))
    if data is not None:
        assert VALIDATOR.is_valid(data) is (int(path.name[:2]) in OF_MEANING)

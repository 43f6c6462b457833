"""The public API: frozen, complete, and cheap to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import stretto

PUBLIC = [
    "Edits",
    "Emitted",
    "Flow",
    "FlowInvalid",
    "Graph",
    "Handler",
    "ModelProvider",
    "Platform",
    "Runs",
    "Settings",
    "StepContext",
    "StepResult",
    "StrettoError",
    "Tools",
    "compile_document",
    "load_flow",
    "load_settings",
]


def test_the_public_names_are_these():
    assert stretto.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_each_name_is_there(name: str):
    assert getattr(stretto, name) is not None


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = stretto.nonsense  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def test_importing_stretto_loads_nothing_heavy():
    code = "import sys, stretto; print([m for m in ('psycopg', 'pydantic', 'jinja2', 'rich', 'fastapi') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Settings: read from the environment, refused with the variable's name, and documented."""

from __future__ import annotations

import pytest

from stretto.errors import SettingsInvalid
from stretto.settings import load_settings
from tools.settings_page import PAGE, settings_page


def test_a_variable_sets_a_field(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRETTO_PORT", "9000")
    assert load_settings().port == 9000


def test_a_bad_value_names_the_variable_and_the_value(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRETTO_PORT", "many")
    monkeypatch.setenv("STRETTO_FLUSH_S", "9")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert "STRETTO_PORT" in caught.value.message
    assert "'many'" in caught.value.message
    assert "STRETTO_FLUSH_S" in caught.value.message


def test_the_settings_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == settings_page()

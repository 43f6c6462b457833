"""The shipped command on a database of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stretto.settings import Settings
from tests.e2e.command import Stretto

SIMULATED = Path(__file__).parent / "stretto.yaml"
QUICK = {"STRETTO_SIM_TTFT_S": "0.01", "STRETTO_SIM_TOKENS_PER_S": "3000"}


def plain_environment(home: Path) -> dict[str, str]:
    """What a command needs to know, and no key or model that this machine may hold."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {
        **kept,
        **QUICK,
        "STRETTO_HOME": str(home),
        "STRETTO_CONFIG": str(SIMULATED),
        "USER": "anna",
        "HOME": str(home),
    }


@pytest.fixture
def stretto(settings: Settings, tmp_path: Path) -> Stretto:
    """The command, with a fresh database."""
    environment = plain_environment(settings.home)
    return Stretto(tmp_path, {**environment, "STRETTO_DATABASE_URL": settings.database_url or ""})


@pytest.fixture
def at_home(own_home: Path, tmp_path: Path) -> Stretto:
    """The command with an embedded PostgreSQL in a STRETTO_HOME of its own."""
    return Stretto(tmp_path, plain_environment(own_home))

"""Databases for processes that are killed, and the processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
from psycopg.sql import SQL, Identifier

from stretto.settings import Settings
from tests.conftest import TEMPLATE, Server
from tests.crash.worker import QUICK, Workers


@contextmanager
def cloned(server: Server) -> Generator[str]:
    """The URL of a database like the template."""
    name = f"test_{uuid4().hex}"
    with server.connect() as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(TEMPLATE)))
    yield server.url(name)
    with server.connect() as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """A fresh database, and a worker that looks often."""
    return settings.model_copy(update=QUICK)


@pytest.fixture
def workers(quick: Settings, tmp_path: Path) -> Iterator[Workers]:
    """Worker processes on the test's database; none is left behind."""
    found = Workers(quick, tmp_path / "effects")
    yield found
    found.end()


class MakeWorkers(Protocol):
    """Gives workers on another fresh database."""

    def __call__(self) -> Workers: ...


@pytest.fixture
def make_workers(server: Server, tmp_path: Path) -> Iterator[MakeWorkers]:
    """Worker processes, each group on a database of its own."""
    with ExitStack() as stack:

        def make() -> Workers:
            settings = Settings(database_url=stack.enter_context(cloned(server)))
            found = Workers(settings, tmp_path / f"effects-{uuid4().hex[:6]}")
            stack.callback(found.end)
            return found

        yield make

"""LangGraph's own suite of conformance, on the checkpointer."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

pytest.importorskip("langgraph.checkpoint.conformance", reason="the suite is not installed")

from langgraph.checkpoint.conformance import checkpointer_test, validate

from stretto.langgraph import StrettoSaver
from stretto.store import Database


async def test_langgraphs_suite_of_conformance(database: Database) -> None:
    async def saver() -> AsyncGenerator[StrettoSaver]:
        yield StrettoSaver(database)

    report = await validate(checkpointer_test(name="StrettoSaver")(saver))
    assert not [failure for result in report.results.values() for failure in result.failures or ()]
    assert report.passed_all()
    assert sum(result.tests_passed for result in report.results.values()) >= 81

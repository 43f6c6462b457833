"""The figures by day, theme and customer: made anew when something has changed, as often as that is cheap."""

from __future__ import annotations

import asyncio

from stretto.store import Database, load_queries

_Q = load_queries("stretto_reviews")
LOOK_S = 5.0
"""How often it is looked whether they are due. How often they are made at most is said in the function `keep_figures`."""


async def figures_changed(database: Database) -> None:
    """Say that something has changed that figures count, and is committed. They are made at once where that is cheap, else soon."""
    async with database.system() as connection:
        await connection.execute(_Q["want_figures"])
    await _keep(database)


async def keep_figures(database: Database) -> None:
    """Make the figures anew whenever they are due; of several processes one does."""
    while True:
        await _keep(database)
        await asyncio.sleep(LOOK_S)


async def _keep(database: Database) -> None:
    async with database.system() as connection:
        await connection.execute(_Q["keep_figures"])

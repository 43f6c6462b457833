"""The short form of the storm."""

from stretto.settings import Settings
from tests.e2e.storm import storm


async def test_clients_that_come_and_go_end_with_what_the_log_tells(settings: Settings):
    seen = await storm(settings, clients=40, runs=8, tokens_per_s=80.0, tokens=120)
    assert seen.wrong == []
    assert seen.clients == 40
    assert seen.connections > 80
    assert seen.events["retract"]
    assert seen.events["end"] == 40

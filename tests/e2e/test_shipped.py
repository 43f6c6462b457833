"""The flows that come with Stretto, through the door."""

from __future__ import annotations

from pathlib import Path

from stretto.api.shipped import FOLDER, shipped
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.test_access import key_for
from tests.e2e.test_api import server

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_folder_of_the_repository_is_that_of_the_package():
    assert EXAMPLES.resolve() == FOLDER.resolve()
    assert {each.name for each in shipped()} == {path.stem for path in EXAMPLES.glob("*.yaml")} != set()


async def test_each_says_what_it_shows_and_can_be_started_as_it_is(settings: Settings):
    async with server(settings, ScriptedModel({})) as (client, platform):
        viewer = await key_for(platform, "viewer")
        examples = (await client.get("/v1/examples", **viewer)).json["examples"]
        assert [each["name"] for each in examples] == sorted(each["name"] for each in examples)
        for each in examples:
            assert each["shows"].endswith("."), each["name"]
            assert each["title"][0].isupper()
            assert (await client.post("/v1/flows/validate", each["document"])).json["valid"]
        for each in examples[:2]:
            answer = await client.post("/v1/runs", {"flow": each["document"], "input": each["input"]})
            assert answer.status == 201, answer.body
        asked = next(each for each in examples if each["name"] == "ask-a-person")
        assert asked["shows"].startswith("A letter waits for a person")
        assert asked["input"]["to"] == "Ada"

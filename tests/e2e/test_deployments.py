"""Who answers, and trying it."""

from __future__ import annotations

from stretto.api import serving
from stretto.errors import ModelKeyRefused
from stretto.gateway.found import found_config
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.test_access import key_for
from tests.e2e.test_api import server
from tests.e2e.wire import Client


async def test_a_deployment_is_tried_counted_and_refused_by_role(settings: Settings):
    model = ScriptedModel(["hello there", ModelKeyRefused("The key is refused. Mend it.")])
    async with server(settings, model) as (client, platform):
        listed = (await client.get("/v1/deployments")).json
        (deployment,) = listed["deployments"]
        name = deployment["name"]
        assert (deployment["routes"], deployment["state"]) == (["default"], "closed")
        assert listed["routes"] == [{"name": "default", "tiers": [[name]]}]
        operator, viewer = await key_for(platform, "operator", "grace"), await key_for(platform, "viewer", "grace")
        path = f"/v1/deployments/{name}/test"
        tried = (await client.post(path, {}, **operator)).json
        assert (tried["ok"], tried["text"], tried["error"]) == (True, "hello there", None)
        assert tried["took_s"] >= tried["ttft_s"] >= 0
        assert model.requests[0].max_tokens == 16
        failed = (await client.post(path, {}, **operator)).json
        assert (failed["ok"], failed["text"], failed["ttft_s"]) == (False, "", None)
        assert "The key is refused" in failed["error"]
        assert (await client.post(path, {}, **viewer)).status == 403
        assert (await client.get("/v1/deployments", **viewer)).json["deployments"][0]["name"] == name
        assert (await client.post("/v1/deployments/nobody/test", {}, **operator)).status == 404
        await platform.gateway.flush()
        theirs = (await client.get("/v1/usage?by=deployment", **operator)).json["total"]
        assert (theirs["calls"], theirs["failed"]) == (2, 1)
        assert (await client.get("/v1/usage?by=deployment")).json["total"]["calls"] == 0


async def test_without_a_model_it_says_that_what_answers_is_simulated(settings: Settings):
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1", "sim_ttft_s": 0.0})
    async with Platform.open(settings, config=found_config([], None, {})) as platform, serving(platform) as url:
        listed = (await Client(url).get("/v1/deployments")).json
        assert listed["kind"] == "simulated"
        assert listed["answers"].startswith("answers: simulated provider")
        found = {each["name"]: each for each in listed["deployments"]}
        assert found["simulated"]["simulated"]
        assert found["simulated"]["price"] == {"input_usd": "0", "cached_input_usd": "0", "output_usd": "0"}
        tried = (await Client(url).post("/v1/deployments/simulated/test", {})).json
        assert (tried["ok"], tried["error"]) == (True, None)
        assert tried["text"]

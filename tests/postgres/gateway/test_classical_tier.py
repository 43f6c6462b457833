"""A machine without models: the classical methods answer what they do well, the simulated provider the rest, and both say so."""

from __future__ import annotations

import json

from stretto.gateway.assemble import Makers, OpenGateway, open_gateway
from stretto.gateway.found import found_config
from stretto.gateway.ledger import Usage
from stretto.gateway.provider import Completion, Message, ModelRequest
from stretto.gateway.read_config import read_config
from stretto.gateway.simulated import SimulatedProvider
from stretto.store import DEFAULT_TENANT, Database
from stretto.testing import KeptAnswer

MAKERS = Makers(simulated=lambda: SimulatedProvider(seed=1, ttft_s=0.0, tokens_per_s=1e6))
SCHEMA = {
    "type": "object",
    "properties": {
        "sentiment": {"type": "number", "minimum": 0, "maximum": 5},
        "themes": {"type": "array", "items": {"type": "string"}},
    },
}
REVIEW = ModelRequest(
    model="fast",
    messages=[Message("user", "Judge it.\n<review>The battery life is excellent.</review>")],
    returns=SCHEMA,
)
FREE = ModelRequest(model="fast", messages=[Message("user", "Write about the sea.")])


async def ask(gateway: OpenGateway, request: ModelRequest) -> tuple[KeptAnswer, Completion]:
    """The answer and how it ended."""
    sink = KeptAnswer()
    return sink, await gateway.complete(request, sink)


async def test_a_fresh_machine_judges_reviews_and_simulates_the_rest(database: Database) -> None:
    async with open_gateway(database, found_config([], None, {}), MAKERS) as gateway:
        assert gateway.simulated
        judged, completion = await ask(gateway, REVIEW)
        value = json.loads(judged.text)
        assert value["sentiment"] > 3.5
        assert value["themes"] == ["battery life"]
        assert (completion.provider, completion.model) == ("classical", "classical/lexicon-sentiment+themes")
        assert (completion.simulated, completion.cost_usd) == (False, 0)
        assert [decision.model for decision in judged.decisions] == ["classical/lexicon-sentiment+themes"]
        assert gateway.name_at_first(REVIEW) == completion.model
        written, completion = await ask(gateway, FREE)
        assert gateway.name_at_first(FREE) == "simulated/fast"
        assert completion.simulated
        assert written.text.startswith("[simulated")
        await gateway.flush()
    by_model = {row.keys["model"]: row.calls for row in await Usage(database).by(DEFAULT_TENANT, ["model"])}
    assert by_model == {"classical/lexicon-sentiment+themes": 1, "simulated/fast": 1}


async def test_a_route_of_the_file_is_local_only_where_it_says_so(database: Database) -> None:
    local = read_config("routes: {fast: {deployments: [simulated/any], local: true}}", "stretto.yaml", {})
    plain = read_config("routes: {fast: [simulated/any]}", "stretto.yaml", {})
    async with open_gateway(database, plain, MAKERS) as gateway:
        _, completion = await ask(gateway, REVIEW)
        assert completion.provider == "simulated"
        await gateway.reconfigure(local)
        _, completion = await ask(gateway, REVIEW)
        assert completion.provider == "classical"
        await gateway.reconfigure(plain)
        _, completion = await ask(gateway, REVIEW)
        assert completion.provider == "simulated"

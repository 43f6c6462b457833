import base64
import json
from array import array
from typing import Any

import pytest

from stretto.errors import ModelBroken, ModelError, ModelRateLimited, ModelStalled
from stretto.gateway.config import Provider, Timeouts
from stretto.gateway.provider import TokenCounts
from stretto.gateway.wire import WireEmbedder
from stretto.gateway.wire.embeddings import MOST_TEXTS, batches
from tests.unit.gateway.wire.raw_server import Asked, Line, RawServer, raw_server


def embedder(server: RawServer, timeouts: Timeouts = Timeouts()) -> WireEmbedder:  # noqa: B008 - it is frozen
    return WireEmbedder(Provider("acme", "openai", server.url, timeouts=timeouts), lambda: "the-key", "small")


def packed(*numbers: float) -> str:
    return base64.b64encode(array("f", numbers).tobytes()).decode()


async def vectors_for(line: Line, asked: Asked) -> None:
    texts = asked.body["input"]
    data = [{"object": "embedding", "index": n, "embedding": packed(len(text), n)} for n, text in enumerate(texts)]
    line.answer(
        200,
        {
            "object": "list",
            "data": data[::-1],
            "model": "small-1",
            "usage": {"prompt_tokens": len(texts), "total_tokens": 9},
        },
    )


async def test_vectors_in_the_order_of_the_texts():
    async with raw_server(vectors_for) as server:
        mine = embedder(server)
        found = await mine.embed(["a", "bbb"], dimensions=2)
        await mine.close()
    assert [list(vector) for vector in found.vectors] == [[1.0, 0.0], [3.0, 1.0]]
    assert (found.model, found.provider, found.tokens) == ("small-1", "acme", TokenCounts(input=2))
    assert server.asked[0].path == "/v1/embeddings"
    assert server.asked[0].body == {
        "model": "small",
        "input": ["a", "bbb"],
        "encoding_format": "base64",
        "dimensions": 2,
    }


async def test_many_texts_go_in_several_requests():
    async with raw_server(vectors_for) as server:
        mine = embedder(server)
        found = await mine.embed(["x" * n for n in range(2 * MOST_TEXTS + 1)], model="big")
        assert (await mine.embed([])).vectors == []
        await mine.close()
    assert [vector[0] for vector in found.vectors] == list(range(2 * MOST_TEXTS + 1))
    assert [len(asked.body["input"]) for asked in server.asked] == [MOST_TEXTS, MOST_TEXTS, 1]
    assert {asked.body["model"] for asked in server.asked} == {"big"}
    assert found.tokens.input == 2 * MOST_TEXTS + 1
    assert server.connections == 1


def test_long_texts_go_alone():
    assert [len(batch) for batch in batches(["x" * 300_000, "y" * 300_000, "z"])] == [1, 2]


async def test_a_server_that_knows_no_base64_and_no_counts():
    async def play(line: Line, asked: Asked) -> None:
        line.answer(200, {"data": [{"embedding": [0.5, -1.0]}, {"embedding": [1, 2]}]})

    async with raw_server(play) as server:
        mine = embedder(server)
        found = await mine.embed(["abcdefgh", "b"])
        await mine.close()
    assert [list(vector) for vector in found.vectors] == [[0.5, -1.0], [1.0, 2.0]]
    assert found.tokens == TokenCounts(input=3, estimated=True)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"data": []}, "0 vectors for 2 texts"),
        ({"data": [{"embedding": [1.0], "index": 0}, {"embedding": [1.0], "index": 0}]}, "2 vectors for 2"),
        ({"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]}, "different lengths"),
        ({"data": [{"embedding": "&&"}, {"embedding": "AAAA"}]}, "no base64"),
        ({"data": [{"embedding": "AAA="}, {"embedding": "AAAA"}]}, "no base64"),
        ({"items": []}, "could not be read"),
        (b"<html>", "could not be read"),
    ],
)
async def test_an_answer_that_is_wrong(answer: Any, told: str):
    async def play(line: Line, asked: Asked) -> None:
        line.answer(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    await fails(play, ModelBroken, told)


async def test_an_error_and_silence():
    async def refuse(line: Line, asked: Asked) -> None:
        line.answer(429, {"error": {"message": "you sent 'first secret text', slow down"}}, retry_after="3")

    async def say_nothing(line: Line, asked: Asked) -> None:
        pass

    error = await fails(refuse, ModelRateLimited, "429")
    assert error.__dict__["retry_after_s"] == 3
    await fails(say_nothing, ModelStalled, "no vectors within")


async def fails(play: Any, kind: type[ModelError], told: str) -> ModelError:
    async with raw_server(play) as server:
        mine = embedder(server, Timeouts(1, 0.2, 1))
        with pytest.raises(kind, match=told) as caught:
            await mine.embed(["first secret text", "second"])
        await mine.close()
    assert "secret" not in caught.value.message
    return caught.value

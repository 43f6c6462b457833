import asyncio
from typing import Any

import pytest

from stretto.errors import ModelError, ModelOverloaded, ModelRefused
from stretto.gateway.provider import Caller, Message, ModelRequest
from stretto.testing import KeptAnswer, ScriptedModel


def ask(prompt: str = "Hello?", model: str = "strong", path: str = "", agent: str = "") -> ModelRequest:
    caller = Caller(path=path, agent=agent)
    return ModelRequest(model=model, messages=[Message("user", prompt)], caller=caller)


async def answer(model: ScriptedModel, request: ModelRequest) -> str:
    sink = KeptAnswer()
    await model.complete(request, sink)
    return sink.text


async def test_answers_by_name_in_order():
    model = ScriptedModel({"coder": ["first", "second"], "critic": "always this"})
    assert await answer(model, ask(agent="coder")) == "first"
    assert await answer(model, ask(agent="critic")) == "always this"
    assert await answer(model, ask(agent="coder")) == "second"
    assert await answer(model, ask(agent="critic")) == "always this"


async def test_the_most_precise_name_wins():
    model = ScriptedModel({"build[2].code": "path", "code": "step", "coder": "agent", "strong": "route"})
    assert await answer(model, ask(path="build[2].code", agent="coder")) == "path"
    assert await answer(model, ask(path="build[1].code", agent="coder")) == "step"
    assert await answer(model, ask(path="other[3]", agent="coder")) == "agent"
    assert await answer(model, ask(path="other", agent="another")) == "route"


async def test_a_list_answers_whoever_asks():
    model = ScriptedModel(["one", {"approved": True}, ["to", "kens"]])
    assert [await answer(model, ask()) for _ in range(3)] == ["one", '{"approved":true}', "tokens"]


@pytest.mark.parametrize("script", [["one"], {"strong": ["one"]}])
async def test_a_script_that_is_used_up_says_so(script: Any):
    model = ScriptedModel(script)
    await answer(model, ask())
    with pytest.raises(ModelRefused, match="has 1, and this is call 2"):
        await answer(model, ask())


async def test_a_name_without_an_answer_is_told_with_those_that_have_one():
    model = ScriptedModel({"coder": "x", "critic": "y"})
    with pytest.raises(ModelRefused, match="'painter' / 'strong'; it has: coder, critic"):
        await answer(model, ask(agent="painter"))


async def test_a_function_answers_also_later():
    async def later(request: ModelRequest) -> str:
        await asyncio.sleep(0)
        return request.messages[0].text.upper()

    assert await answer(ScriptedModel(later), ask("abc")) == "ABC"
    assert await answer(ScriptedModel(lambda request: request.model), ask()) == "strong"


async def test_tokens_are_written_one_by_one():
    chunks: list[list[str]] = []

    class Chunks(KeptAnswer):
        def write(self, tokens: list[str]) -> None:
            chunks.append(tokens)

    await ScriptedModel([["a", "b b", "c"]]).complete(ask(), Chunks())
    assert chunks == [["a"], ["b b"], ["c"]]


async def test_an_exception_stands_among_the_tokens_or_alone():
    model = ScriptedModel([["a", "b", ModelOverloaded("broke")], ModelRefused("no"), RuntimeError("odd")])
    sink = KeptAnswer()
    with pytest.raises(ModelOverloaded, match="broke"):
        await model.complete(ask(), sink)
    assert sink.tokens == ["a", "b"]
    with pytest.raises(ModelRefused):
        await model.complete(ask(), sink)
    with pytest.raises(RuntimeError):
        await model.complete(ask(), sink)
    assert sink.tokens == ["a", "b"]
    assert model.active == 0


async def test_all_requests_are_recorded():
    model = ScriptedModel(["one", ModelRefused("no")])
    first, second = ask("a"), ask("b")
    await answer(model, first)
    with pytest.raises(ModelRefused):
        await answer(model, second)
    assert model.requests == [first, second]


class TestGate:
    async def test_each_token_waits_for_its_release(self):
        model, sink = ScriptedModel([["a", "b", "c", "d"]], gated=True), KeptAnswer()
        call = asyncio.create_task(model.complete(ask(), sink))
        await asyncio.sleep(0.01)
        assert sink.tokens == []
        assert await model.release(1) == 1
        assert sink.tokens == ["a"]
        assert await model.release(2) == 2
        assert sink.tokens == ["a", "b", "c"]
        assert not call.done()
        assert await model.release(1) == 1
        await call
        assert sink.tokens == ["a", "b", "c", "d"]

    async def test_more_than_there_is_ends_the_answer(self):
        model, sink = ScriptedModel([["a", "b"]], gated=True), KeptAnswer()
        call = asyncio.create_task(model.complete(ask(), sink))
        assert await model.release(10) == 2
        await call

    async def test_release_waits_for_a_call(self):
        model, sink = ScriptedModel([["a", "b"]], gated=True), KeptAnswer()
        release = asyncio.create_task(model.release(1))
        await asyncio.sleep(0)
        assert not release.done()
        call = asyncio.create_task(model.complete(ask(), sink))
        assert await release == 1
        assert sink.tokens == ["a"]
        model.open()
        await call

    async def test_an_error_among_the_tokens_waits_as_they_do(self):
        model, sink = ScriptedModel([["a", ModelOverloaded("broke")]], gated=True), KeptAnswer()
        call = asyncio.create_task(model.complete(ask(), sink))
        await model.release(1)
        await asyncio.sleep(0.01)
        assert not call.done()
        assert await model.release(1) == 0
        with pytest.raises(ModelOverloaded):
            await call

    async def test_calls_are_told_apart_by_name(self):
        model = ScriptedModel({"a": [["1", "2"]], "b": [["1", "2"]]}, gated=True)
        one, two = KeptAnswer(), KeptAnswer()
        calls = [
            asyncio.create_task(model.complete(ask(agent="a"), one)),
            asyncio.create_task(model.complete(ask(agent="b"), two)),
        ]
        await model.release(2, of="b")
        assert (one.tokens, two.tokens) == ([], ["1", "2"])
        await model.release(1, of="a")
        assert one.tokens == ["1"]
        model.open()
        await asyncio.gather(*calls)
        assert one.tokens == ["1", "2"]

    async def test_cancelling_a_call_ends_its_release(self):
        model, sink = ScriptedModel([["a"], ["b"]], gated=True), KeptAnswer()
        call = asyncio.create_task(model.complete(ask(), sink))
        await model.release(0)
        call.cancel()
        await asyncio.wait([call])
        assert model.active == 0
        assert sink.tokens == []


async def test_after_close_it_refuses():
    model = ScriptedModel(["one"])
    await model.close()
    with pytest.raises(ModelError, match="closed"):
        await answer(model, ask())

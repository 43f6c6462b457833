import asyncio
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stretto.errors import ModelError, ModelOverloaded, ModelRefused, ModelStalled, SettingsInvalid
from stretto.gateway.provider import Caller, Completion, Message, ModelRequest
from stretto.gateway.simulated import Fault, SimulatedProvider
from stretto.gateway.simulated.provider import simulate_text
from stretto.gateway.simulated.reading import MARK, TAKEN_UP, read_request
from stretto.testing import KeptAnswer

LENGTH = (120, 360)
BLOCK = re.compile(r"```python\n(.*?)\n```", re.DOTALL)


def ask(prompt: str, model: str = "strong", **more: Any) -> ModelRequest:
    return ModelRequest(model=model, messages=[Message("user", prompt)], **more)


def fast(**more: Any) -> SimulatedProvider:
    return SimulatedProvider(3, 0.0, 1_000_000.0, **more)


async def outcome(provider: SimulatedProvider, request: ModelRequest) -> tuple[Completion | ModelError, list[str]]:
    sink = KeptAnswer()
    try:
        return await provider.complete(request, sink), sink.tokens
    except ModelError as error:
        return error, sink.tokens


class TestText:
    def test_same_seed_and_request_same_text(self):
        request = ask("Write about tides.")
        assert simulate_text(1, request, LENGTH) == simulate_text(1, request, LENGTH)

    def test_what_is_not_said_to_the_model_changes_nothing(self):
        plain = ask("Write about tides.")
        other = ask("Write about tides.", idempotency_key="x", caller=Caller(attempt=2))
        assert simulate_text(1, plain, LENGTH) == simulate_text(1, other, LENGTH)

    def test_seed_prompt_and_model_change_it(self):
        texts = {
            simulate_text(1, ask("Write about tides."), LENGTH),
            simulate_text(2, ask("Write about tides."), LENGTH),
            simulate_text(1, ask("Write about tides!"), LENGTH),
            simulate_text(1, ask("Write about tides.", model="fast"), LENGTH),
        }
        assert len(texts) == 4

    @given(st.text(max_size=300))
    @settings(max_examples=50)
    def test_it_says_that_no_model_wrote_it(self, prompt: str):
        for model in ("strong", "code"):
            assert MARK in simulate_text(0, ask(prompt, model), LENGTH).split("\n\n")[0]

    def test_it_speaks_of_the_prompts_words_in_several_paragraphs(self):
        text = simulate_text(0, ask("Please write an essay about lighthouses and fog."), LENGTH)
        assert "lighthouses" in text
        assert "fog" in text or "essay" in text
        assert len(text.split("\n\n")) >= 3

    def test_its_length_follows_answer_tokens(self):
        text = simulate_text(0, ask("Write about tides."), (2000, 2000))
        assert 2000 <= len(text.split()) <= 2200

    def test_a_short_answer_when_asked_for_one(self):
        assert len(simulate_text(0, ask("Translate into French: the tide."), LENGTH).split()) < 60

    @pytest.mark.parametrize("seed", range(25))
    def test_code_runs_block_by_block_and_joined(self, seed: int):
        text = simulate_text(seed, ask("Implement a priority queue für Bücher, lambda & class."), LENGTH)
        blocks = BLOCK.findall(text)
        assert len(blocks) >= 3
        for code in (*blocks, "\n\n".join(blocks)):
            exec(compile(code, "simulated.py", "exec"), {})

    def test_the_route_code_gives_code(self):
        assert BLOCK.search(simulate_text(0, ask("A queue.", model="code"), LENGTH))
        assert not BLOCK.search(simulate_text(0, ask("A queue.", model="strong"), LENGTH))

    def test_code_in_what_is_read_is_no_wish_for_code(self):
        prompt = "Say what you think of this:\n```python\ndef function(): ...\n```"
        assert not read_request(ask(prompt)).wants_code

    def test_kept_text_is_followed_by_a_new_paragraph(self):
        messages = [Message("user", "Write about tides."), Message("assistant", "The tide"), Message("user", "Go on.")]
        text = simulate_text(0, ModelRequest(model="strong", messages=messages), LENGTH)
        assert text.startswith(f"\n\n{MARK}")


class TestFeedback:
    @pytest.mark.parametrize(
        ("prompt", "said"),
        [
            ("Design: a queue\nFeedback: add an example\nThanks", "add an example"),
            ("Design: a queue\n\n## Feedback\n\nadd an example\n", "add an example"),
            ("Comments of the reviewer: shorten it", "shorten it"),
            ("Feedback: \nDesign: a queue", ""),
            ("## Feedback\n\n## Design\n\na queue", ""),
            ("Feedback: None", ""),
            ("Take the feedback into account and write.", ""),
        ],
    )
    def test_it_is_found_where_a_template_puts_it(self, prompt: str, said: str):
        assert read_request(ask(prompt)).feedback == said

    def test_it_is_taken_up(self):
        assert f"{TAKEN_UP} “add an example”" in simulate_text(0, ask("Queue.\nFeedback: add an example"), LENGTH)


class TestFaults:
    async def test_by_the_number_of_the_call(self):
        provider = fast(faults={2: Fault("break", after=5), 3: Fault("refuse"), 4: Fault("overload")})
        results = [await outcome(provider, ask("Write.")) for _ in range(5)]
        assert [type(result) for result, _ in results] == [
            Completion,
            ModelOverloaded,
            ModelRefused,
            ModelOverloaded,
            Completion,
        ]
        whole = results[0][1]
        assert [tokens for _, tokens in results] == [whole, whole[:5], [], [], whole]
        assert "after 5 tokens" in str(results[1][0])

    async def test_by_asking(self):
        def plan(call: int, request: ModelRequest) -> Fault | None:
            return Fault("refuse") if "bad" in request.messages[0].text else None

        provider = fast(faults=plan)
        assert isinstance((await outcome(provider, ask("good")))[0], Completion)
        assert isinstance((await outcome(provider, ask("bad")))[0], ModelRefused)

    async def test_a_stall(self):
        provider = fast(faults={1: Fault("stall", after=4, stall_s=0.02)})
        error, tokens = await outcome(provider, ask("Write."))
        assert isinstance(error, ModelStalled)
        assert len(tokens) == 4

    async def test_a_stalled_call_can_be_cancelled(self):
        provider = fast(faults={1: Fault("stall", after=4, stall_s=3600)})
        call = asyncio.create_task(provider.complete(ask("Write."), KeptAnswer()))
        await asyncio.sleep(0.1)  # well past its four tokens
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    async def test_rates_are_kept_and_drawn_anew_for_each_call(self):
        async def kinds() -> list[str]:
            provider = fast(error_rate=0.3, stall_rate=0.2, stall_s=0.0)
            results = await asyncio.gather(*(outcome(provider, ask("Write.")) for _ in range(300)))
            return [type(result).__name__ for result, _ in results]

        first = await kinds()
        assert 60 <= first.count("ModelOverloaded") <= 120
        assert 35 <= first.count("ModelStalled") <= 85
        assert first == await kinds()

    @pytest.mark.parametrize(
        "bad", [{"error_rate": 1.5}, {"error_rate": 0.6, "stall_rate": 0.6}, {"stall_rate": -0.1}, {"stall_s": -1}]
    )
    def test_impossible_settings_are_refused(self, bad: dict[str, Any]):
        with pytest.raises(SettingsInvalid):
            SimulatedProvider(**bad)

    def test_speed_must_be_positive(self):
        with pytest.raises(SettingsInvalid, match="tokens_per_s"):
            SimulatedProvider(0, 0.1, 0.0)


async def test_max_tokens_of_nothing_is_an_empty_answer():
    result, tokens = await outcome(fast(), ask("Write.", max_tokens=0))
    assert isinstance(result, Completion)
    assert (result.stop_reason, tokens) == ("length", [])


async def test_the_model_is_named_as_simulated():
    result, _ = await outcome(fast(), ask("Write."))
    assert isinstance(result, Completion)
    assert (result.model, result.provider, result.simulated, result.cost_usd) == (
        "simulated/strong",
        "simulated",
        True,
        0.0,
    )


async def test_close_ends_calls_in_hand():
    provider = SimulatedProvider(0, 0.0, 1.0)
    call = asyncio.create_task(outcome(provider, ask("Write.")))
    await asyncio.sleep(0)
    await provider.close()
    assert isinstance((await call)[0], ModelError)
    assert provider.active == 0


def test_one_provider_serves_one_event_loop_after_the_other():
    provider = fast()
    first, _ = asyncio.run(outcome(provider, ask("Write.")))
    second, _ = asyncio.run(outcome(provider, ask("Write.")))
    assert first == second

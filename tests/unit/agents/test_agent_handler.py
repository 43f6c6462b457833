import asyncio
from typing import Any

import pytest

from stretto.agents import agent_handler
from stretto.errors import ModelOverloaded, ModelRefused, OutputInvalid
from stretto.gateway.provider import Caller, Completion, ModelRequest, TokenSink
from stretto.gateway.simulated import SimulatedProvider
from stretto.testing import FakeContext, Retraction, ScriptedModel
from tests.unit.agents.made import context_for


def spoken(model: ScriptedModel, call: int = 0) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in model.requests[call].messages]


class TestText:
    async def test_the_streamed_text_is_the_output(self):
        model, ctx = ScriptedModel(["The tide comes in."]), context_for()
        result = await agent_handler(model)(ctx)
        assert ctx.text == "The tide comes in."
        assert (result.is_text, result.output, result.note) == (True, None, None)
        assert ctx.retractions == []

    async def test_prompt_and_system_are_rendered_with_the_input(self):
        model = ScriptedModel(["x"])
        ctx = context_for(agent={"system": "You know {{ topic }}."})
        await agent_handler(model)(ctx)
        assert spoken(model) == [("system", "You know tides."), ("user", "Write about tides.")]

    @pytest.mark.parametrize(("value", "text"), [({"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'), (None, ""), ("x", "x")])
    async def test_a_prompt_that_is_one_value_is_sent_as_text(self, value: Any, text: str):
        model = ScriptedModel(["x"])
        await agent_handler(model)(context_for(agent={"prompt": "{{ topic }}"}, input={"topic": value}))
        assert spoken(model) == [("user", text)]

    async def test_the_request_carries_what_the_agent_and_the_step_say(self):
        model = ScriptedModel(["x", "y"])
        ctx = context_for(agent={"temperature": 0.3, "max_tokens": 99}, path="build[2].essay", attempt=2, priority=1)
        await agent_handler(model)(ctx)
        await agent_handler(model)(context_for({"agent": "writer", "model": "fast"}))
        request, other = model.requests
        assert (request.model, request.temperature, request.max_tokens, request.returns) == ("strong", 0.3, 99, None)
        assert request.caller == Caller(
            tenant_id=ctx.tenant_id,
            run_id=ctx.run_id,
            flow="test",
            path="build[2].essay",
            agent="writer",
            attempt=2,
            priority=1,
        )
        assert request.caller.step_id == "essay"
        assert request.idempotency_key.startswith(ctx.idempotency_key)
        assert other.model == "fast"

    async def test_usage_is_the_providers(self):
        ctx = context_for()
        result = await agent_handler(SimulatedProvider(0, 0.0, 1e6))(ctx)
        assert result.usage == {
            "model": "simulated/strong",
            "provider": "simulated",
            "simulated": True,
            "input_tokens": len("Write about tides.") // 4 + 1,
            "output_tokens": len(ctx.tokens),
            "cost_usd": "0",
        }

    async def test_an_answer_cut_off_at_max_tokens_is_noted(self):
        ctx = context_for(agent={"max_tokens": 3})
        result = await agent_handler(ScriptedModel(["one two three four five"]))(ctx)
        assert ctx.text == "one two three"
        assert result.note == "the answer was cut off at max_tokens (3)"

    async def test_an_error_passes_through_and_leaves_the_text_to_the_engine(self):
        ctx = context_for()
        with pytest.raises(ModelOverloaded):
            await agent_handler(ScriptedModel([["one ", "two ", ModelOverloaded("broke")]]))(ctx)
        assert ctx.text == "one two "
        assert ctx.retractions == []

    async def test_a_filtered_answer_is_refused(self):
        class Filtered:
            name, simulated = "prude", False

            async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
                return Completion(model="m", provider=self.name, stop_reason="filter")

            async def close(self) -> None: ...

        with pytest.raises(ModelRefused, match="filter of prude"):
            await agent_handler(Filtered())(context_for())

    async def test_cancelling_ends_the_call(self):
        model, ctx = ScriptedModel([["one ", "two "]], gated=True), context_for()
        attempt = asyncio.create_task(_await(agent_handler(model), ctx))
        await model.release(1)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        assert model.active == 0
        assert ctx.text == "one "


async def _await(handler: Any, ctx: FakeContext) -> Any:
    return await handler(ctx)


class TestSteering:
    async def test_kept_text_stands_in_the_conversation_and_the_answer_follows_it(self):
        model = ScriptedModel([" and goes out."])
        ctx = context_for(kept="The tide comes in", feedback=["be brief"])
        await agent_handler(model)(ctx)
        roles = [role for role, _ in spoken(model)]
        assert roles == ["user", "assistant", "user"]
        assert spoken(model)[1][1] == "The tide comes in"
        assert spoken(model)[2][1].startswith("be brief\n\nGo on exactly where")
        assert ctx.text == "The tide comes in and goes out."
        assert ctx.retractions == []

    async def test_kept_text_without_feedback_is_gone_on_with(self):
        model = ScriptedModel([" on"])
        ctx = context_for(kept="The tide")
        await agent_handler(model)(ctx)
        assert spoken(model)[2][1].startswith("Go on exactly where")

    async def test_feedback_given_before_anything_was_written_is_part_of_the_question(self):
        model = ScriptedModel(["x"])
        await agent_handler(model)(context_for(feedback=["in French", "and brief"]))
        assert spoken(model) == [("user", "Write about tides."), ("user", "in French\n\nand brief")]

    async def test_feedback_during_an_answer_makes_another_turn(self):
        model, ctx = ScriptedModel([["Low ", "tide."], ["High ", "tide."]], gated=True), context_for()
        attempt = asyncio.create_task(_await(agent_handler(model), ctx))
        await model.release(1)
        ctx.give_feedback("high, not low")
        model.open()
        result = await attempt
        assert ctx.text == "High tide."
        assert ctx.retractions == [Retraction(0, "feedback", "Low tide.")]
        assert spoken(model, 1)[1] == ("assistant", "Low tide.")
        assert spoken(model, 1)[2][1].startswith("high, not low\n\nWrite the whole answer anew")
        assert result.usage is not None
        assert result.usage["output_tokens"] == 4
        assert model.requests[0].idempotency_key != model.requests[1].idempotency_key

    async def test_another_turn_after_kept_text_gives_up_only_its_own(self):
        model = ScriptedModel([[" in"], [" out"]], gated=True)
        ctx = context_for(kept="The tide goes")
        attempt = asyncio.create_task(_await(agent_handler(model), ctx))
        await model.release(0)
        ctx.give_feedback("out")
        model.open()
        await attempt
        assert ctx.text == "The tide goes out"
        assert ctx.retractions == [Retraction(len("The tide goes"), "feedback", " in")]

    async def test_a_structured_answer_is_written_whole_after_steering(self):
        model = ScriptedModel([{"approved": True, "comments": ""}])
        ctx = context_for(agent={"returns": "Verdict"}, kept='{"appr', feedback=["be kind"])
        result = await agent_handler(model)(ctx)
        assert result.output == {"approved": True, "comments": ""}
        assert ctx.text == '{"approved":true,"comments":""}'
        assert spoken(model)[1] == ("assistant", '{"appr')


GOOD = '{"approved": true, "comments": "fine"}'


class TestReturns:
    @pytest.mark.parametrize(
        "text",
        [
            GOOD,
            f"\n{GOOD}\n",
            f"```json\n{GOOD}\n```",
            f"```\n{GOOD}\n```",
            f"Here you are:\n\n```json\n{GOOD}\n```\nAnything else?",
            f"My verdict is {GOOD}. Good luck!",
            f'```json\n{{"draft": 1}}\n```\nNo, rather:\n```json\n{GOOD}\n```',
        ],
    )
    async def test_the_value_is_found_in_the_text(self, text: str):
        model, ctx = ScriptedModel([text]), context_for(agent={"returns": "Verdict"})
        result = await agent_handler(model)(ctx)
        assert result.output == {"approved": True, "comments": "fine"}
        assert not result.is_text
        assert len(model.requests) == 1
        assert model.requests[0].returns == ctx.graph.types["Verdict"]

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ('{"approved": "yes", "comments": ""}', "answer.approved"),
            ('{"approved": true}', "comments"),
            ("I approve.", "not JSON"),
            ("", "empty"),
            ('{"approved": NaN, "comments": ""}', "not JSON"),
        ],
    )
    async def test_one_that_does_not_fit_is_repaired_once(self, bad: str, words: str):
        model, ctx = ScriptedModel([bad, GOOD]), context_for(agent={"returns": "Verdict"})
        result = await agent_handler(model)(ctx)
        assert result.output == {"approved": True, "comments": "fine"}
        assert ctx.text == GOOD
        assert [(r.position, r.text) for r in ctx.retractions] == ([(0, bad)] if bad else [])
        assert spoken(model, 1)[1] == ("assistant", bad)
        assert words in spoken(model, 1)[2][1]

    async def test_two_that_do_not_fit_are_an_error(self):
        ctx = context_for(agent={"returns": "Verdict"})
        with pytest.raises(
            OutputInvalid, match=r"'writer' was asked twice and gave no Verdict\..*answer\.approved.*plainer"
        ):
            await agent_handler(ScriptedModel(["no", '{"approved": 1, "comments": ""}']))(ctx)

    async def test_a_value_cut_off_at_max_tokens_says_so(self):
        ctx = context_for(agent={"returns": "Verdict", "max_tokens": 2})
        with pytest.raises(OutputInvalid, match=r"cut off at max_tokens \(2\); raise it"):
            await agent_handler(ScriptedModel([GOOD, GOOD]))(ctx)

    async def test_the_steps_type_comes_before_the_agents(self):
        model = ScriptedModel(['{"tasks": [{"id": "a"}]}'])
        ctx = context_for({"agent": "writer", "returns": "Plan"}, agent={"returns": "Verdict"})
        assert (await agent_handler(model)(ctx)).output == {"tasks": [{"id": "a"}]}

    async def test_feedback_during_an_answer_makes_another_turn(self):
        model, ctx = (
            ScriptedModel([GOOD, GOOD.replace("fine", "finer")], gated=True),
            context_for(agent={"returns": "Verdict"}),
        )
        attempt = asyncio.create_task(_await(agent_handler(model), ctx))
        await model.release(1)
        ctx.give_feedback("finer")
        model.open()
        assert (await attempt).output["comments"] == "finer"
        assert ctx.retractions == [Retraction(0, "feedback", GOOD)]

    async def test_the_simulated_provider_gives_every_built_in_type(self):
        for returns in ("Verdict", "Judgement", "Plan"):
            ctx = context_for(agent={"returns": returns})
            assert (await agent_handler(SimulatedProvider(0, 0.0, 1e6))(ctx)).output
            assert ctx.retractions == []

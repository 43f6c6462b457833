"""Attempts that fail: tried again, timed out, given up, and what that does to the blocks around them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from stretto.engine.run import RunTask
from stretto.engine.step import StepContext, StepResult
from stretto.errors import (
    ModelOverloaded,
    ModelRefused,
    NotPossible,
    StepNotFound,
    ToolRefused,
    ToolUnavailable,
    WorkDeferred,
    WorkSkipped,
)
from stretto.flow import facts as f
from stretto.flow.decide import Command, Record, commands
from stretto.flow.progress import Progress
from stretto.testing import ScriptedModel
from tests.postgres.engine.stage import Held, Stage, flow, until

SOON = {"attempts": 3, "backoff": "10ms", "jitter": 0}
ONCE: Mapping[str, Any] = {"tool": "shaky", "retry": 1}


class Shaky:
    """A tool that fails so many times, and then works. Knows the key of each call."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ValueError("not today")
        self.keys: list[str] = []

    async def __call__(self, idempotency_key: str) -> str:
        self.keys.append(idempotency_key)
        if len(self.keys) <= self.failures:
            raise self.error
        return f"call {len(self.keys)}"

    @property
    def tool(self) -> Any:
        async def shaky(idempotency_key: str) -> str:
            return await self(idempotency_key)

        return shaky


async def test_a_step_that_fails_is_tried_again_with_the_same_key_after_a_longer_pause_each_time(stage: Stage) -> None:
    shaky = Shaky(2)
    stage.use(shaky=shaky.tool)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "shaky", "retry": SOON}}))
    assert run.output == "call 3"
    assert shaky.keys == [f"{run.id}/a"] * 3
    facts = await stage.facts(run.id)
    assert [fact.attempt for fact in facts if isinstance(fact, f.StepStarted)] == [1, 2, 3]
    failed = [fact for fact in facts if isinstance(fact, f.StepFailed)]
    assert [(fact.attempt, fact.retry_in_s) for fact in failed] == [(1, 0.01), (2, 0.02)]
    assert "not today" in failed[0].error


async def test_the_run_fails_when_the_attempts_are_used_up(stage: Stage) -> None:
    shaky = Shaky(9)
    stage.use(shaky=shaky.tool)
    async with stage.working():
        run = await stage.carry_out(
            flow({"a": {"tool": "shaky", "retry": SOON}, "b": {"tool": "shaky", "after": ["a"]}})
        )
    assert run.status == "failed"
    assert run.error["step"] == "a"
    assert "not today" in run.error["error"]
    assert await stage.attempts(run.id) == ["a"] * 3


@pytest.mark.parametrize("error", [ToolRefused("never"), ModelRefused("never")])
async def test_what_will_not_pass_by_itself_is_not_tried_again(stage: Stage, error: Exception) -> None:
    shaky = Shaky(9, error)
    stage.use(shaky=shaky.tool)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "shaky", "retry": SOON}}))
    assert run.error["error"].endswith("never")
    assert len(shaky.keys) == 1


async def test_a_provider_may_ask_for_a_longer_pause(stage: Stage) -> None:
    error = ToolUnavailable("busy")
    error.retry_after_s = 0.2
    shaky = Shaky(1, error)
    stage.use(shaky=shaky.tool)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "shaky", "retry": SOON}}))
    failed = [fact for fact in await stage.facts(run.id) if isinstance(fact, f.StepFailed)]
    assert failed[0].retry_in_s == 0.2


async def test_a_pause_survives_the_worker_and_holds_no_process(stage: Stage) -> None:
    shaky = Shaky(1)
    stage.use(shaky=shaky.tool)
    graph = flow({"a": {"tool": "shaky", "retry": {"attempts": 2, "backoff": "500ms", "jitter": 0}}})
    async with stage.working() as worker:
        run_id = await stage.start(graph)
        await stage.has_status(run_id, "waiting")
        await until(lambda: worker.active_runs == 0, "nothing holds the run")
    async with stage.working():
        assert (await stage.ended(run_id)).output == "call 2"
    facts = await stage.facts(run_id)
    failed = next(row for row in await stage.rows(run_id) if row.kind == "StepFailed")
    again = [row for row in await stage.rows(run_id) if row.kind == "StepStarted"][1]
    assert (again.at - failed.at).total_seconds() >= 0.5
    assert f.TimerFired(step="a") in facts


async def test_a_step_that_takes_too_long_is_ended_and_tried_again(stage: Stage) -> None:
    slow = Held()
    stage.use(slow=slow.tool)
    async with stage.working():
        steps = {"a": {"tool": "slow", "timeout": "50ms", "retry": {"attempts": 2, "backoff": "10ms"}}}
        run = await stage.carry_out(flow(steps))
    assert run.status == "failed"
    assert "longer than its time-out of 0.05 s" in run.error["error"]
    assert slow.calls == 2
    assert slow.at_work == 0


async def test_text_of_a_failed_attempt_is_taken_back(stage: Stage) -> None:
    model = ScriptedModel({"code": [["one ", "two ", ValueError("wire broke")], "three"]})
    stage.use(model)
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    async with stage.working():
        run = await stage.carry_out(flow({"code": {"agent": "writer", "retry": SOON}}, agents=agents))
    assert run.output == "three"
    kinds = await stage.kinds(run.id, "code")
    assert kinds == ["StepStarted", "TextRetracted", "StepFailed", "TimerFired", "StepStarted", "StepCompleted"]
    rows = await stage.rows(run.id)
    assert [row.text for row in rows if row.text] == ["one two ", "three"]


async def test_an_optional_step_ends_as_null(stage: Stage) -> None:
    stage.use(shaky=Shaky(9).tool)
    steps = {"a": {**ONCE, "optional": True}}
    async with stage.working():
        run = await stage.carry_out(flow(steps, output="{{ a }}"))
    assert (run.status, run.output) == ("completed", None)


async def test_readers_of_an_optional_step_that_failed_after_it_wrote_end_with_nothing(stage: Stage) -> None:
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}, "reader": {"model": "m", "prompt": "{{ segment }}\n"}}
    steps = {
        "code": {"agent": "writer", "optional": True, "retry": 1},
        "notes": {"agent": "reader", "each": {"of": "code", "by": "line"}},
    }
    stage.use(ScriptedModel({"code": [["a\n", "b\n", ModelRefused("no")]], "notes": "seen"}))
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=agents, output="{{ notes }}"))
    assert (run.status, run.output) == ("completed", [])
    assert await stage.text(run.id, "code") == ""


@pytest.mark.parametrize(
    ("steps", "failed"),
    [
        ({"m": {"map": {"over": "{{ [1, 2] }}"}, "steps": {"a": ONCE}}}, "m[0].a"),
        ({"l": {"loop": {"until": "false", "max": 3}, "steps": {"a": ONCE}}}, "l[1].a"),
        ({"b": {"branch": [{"steps": {"a": ONCE}}]}}, "b.a"),
        (
            {"b": {"branch": [{"steps": {"l": {"loop": {"until": "false", "max": 2}, "steps": {"a": ONCE}}}}]}},
            "b.l[1].a",
        ),
    ],
)
async def test_a_failure_goes_up_through_the_blocks_around_it_and_a_retry_comes_down_again(
    stage: Stage, steps: dict[str, Any], failed: str
) -> None:
    shaky = Shaky(1)
    stage.use(shaky=shaky.tool)
    async with stage.working():
        run = await stage.carry_out(flow(steps))
        assert run.status == "failed"
        assert f"{failed}: " in run.error["error"]
        assert "not today" in run.error["error"]
        await stage.runs.retry(run.id, failed, by="ann")
        run = await stage.has_status(run.id, "completed")
    assert f.RunRetried(step=failed, by="ann") in await stage.facts(run.id)
    assert (await stage.attempts(run.id)).count(failed) == 2
    assert run.error is None


@pytest.mark.parametrize(
    "block",
    [
        {"map": {"over": "{{ [1, 2] }}"}, "steps": {"a": ONCE}},
        {"loop": {"until": "false", "max": 3}, "steps": {"a": ONCE}},
        {"branch": [{"steps": {"a": ONCE}}]},
    ],
)
async def test_an_optional_block_contains_the_failure(stage: Stage, block: dict[str, Any]) -> None:
    stage.use(shaky=Shaky(9).tool, noop=noop)
    steps = {"box": {**block, "optional": True}, "z": {"tool": "noop", "after": ["box"]}}
    async with stage.working():
        run = await stage.carry_out(flow(steps, output="{{ z }} {{ box | default('none', true) }}"))
    assert (run.status, run.output) == ("completed", "ok none")


async def noop() -> str:
    return "ok"


async def test_a_failing_item_of_each_fails_its_reader_and_stops_the_others(stage: Stage) -> None:
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    steps = {
        "code": {"agent": "writer"},
        "notes": {"tool": "look", "input": {"line": "{{ segment }}"}, "each": {"of": "code", "by": "line"}, "retry": 1},
    }
    good = {"b": False}

    async def look(line: str, ctx: StepContext) -> str:
        if not good.get(line.strip(), True):
            await stage.happened(
                ctx.run_id, "StepCompleted", times=3
            )  # all else is done, so that nothing of it runs again
            raise ValueError(f"cannot read {line}")
        return line.strip().upper()

    stage.use(ScriptedModel({"code": "a\nb\nc\n"}), look=look)
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=agents, output="{{ notes | join('') }}"))
        assert run.status == "failed"
        assert "notes[1]: " in run.error["error"]
        good.clear()
        await stage.runs.retry(run.id)
        assert (await stage.has_status(run.id, "completed")).output == "ABC"
    started = await stage.attempts(run.id)
    assert started.count("code") == 1
    assert started.count("notes[0]") == 1
    assert started.count("notes[1]") == 2


async def test_a_block_whose_output_fails_can_be_tried_again(stage: Stage) -> None:
    """The data are the same, so it fails again; but it ends, and says so."""
    steps = {"m": {"map": {"over": "{{ [1] }}"}, "steps": {"a": {"tool": "made"}}, "output": "{{ a.x.y }}"}}

    async def made() -> dict[str, Any]:
        return {}

    stage.use(made=made)
    async with stage.working():
        run = await stage.carry_out(flow(steps))
        assert run.error["step"] == "m"
        await stage.runs.retry(run.id)
        await stage.happened(run.id, "RunFailed", times=2)
        bad = await stage.carry_out(flow({"a": {"tool": "made"}}, output="{{ a.x.y }}"))
        assert "the flow's output" in bad.error["error"]
        await stage.runs.retry(bad.id)
        await stage.happened(bad.id, "RunFailed", times=2)
    assert (await stage.attempts(run.id), await stage.attempts(bad.id)) == (["m[0].a"], ["a"])


async def test_only_a_failed_step_can_be_tried_again(stage: Stage) -> None:
    stage.use(shaky=Shaky(9).tool, noop=noop)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "noop"}, "b": {**ONCE, "after": ["a"]}}))
    with pytest.raises(NotPossible, match="is completed; only a failed step"):
        await stage.runs.retry(run.id, "a")
    with pytest.raises(StepNotFound):
        await stage.runs.retry(run.id, "c")
    assert (await stage.rows(run.id))[-1].kind == "RunFailed"


async def test_what_a_step_returns_may_not_be_too_large(stage: Stage) -> None:
    async def large() -> str:
        return "x" * 5000

    stage.use(large=large)
    async with stage.working(max_output_bytes=2048):
        run = await stage.carry_out(flow({"a": {"tool": "large"}}))
    assert "has 5002 bytes, more than 2048. Return less, or raise STRETTO_MAX_OUTPUT_BYTES." in run.error["error"]
    assert await stage.attempts(run.id) == ["a"]


async def test_what_a_step_writes_may_not_be_too_long(stage: Stage) -> None:
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    stage.use(ScriptedModel({"code": ["word " * 400]}))
    async with stage.working(max_text_chars=1000):
        run = await stage.carry_out(flow({"code": {"agent": "writer"}}, agents=agents))
    assert "longer than 1000 characters. Ask for less, or raise STRETTO_MAX_TEXT_CHARS." in run.error["error"]
    assert await stage.text(run.id, "code") == ""


async def test_what_is_put_off_begins_again_later_and_has_not_failed(stage: Stage) -> None:
    asked = 0

    async def short(ctx: StepContext) -> StepResult:
        nonlocal asked
        asked += 1
        ctx.write(["begun "])
        if asked < 4:
            error = WorkDeferred("The bucket is empty.")
            error.retry_after_s = 0.01
            raise error
        return StepResult(is_text=True)

    stage.handlers["agent"] = short
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"agent": "writer", "retry": 1}}, agents=agents))
    assert run.status == "completed"
    assert run.output == "begun "
    facts = await stage.facts(run.id)
    put_off = [fact for fact in facts if isinstance(fact, f.StepDeferred)]
    assert [(fact.attempt, fact.reason, fact.in_s) for fact in put_off] == [
        (n, "The bucket is empty.", 0.01) for n in (1, 2, 3)
    ]
    assert not [fact for fact in facts if isinstance(fact, f.StepFailed)]


async def test_a_run_that_is_put_off_for_long_holds_no_process(stage: Stage) -> None:
    async def short(ctx: StepContext) -> StepResult:
        error = WorkDeferred("The bucket is empty.")
        error.retry_after_s = 1800.0
        raise error

    stage.handlers["agent"] = short
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    async with stage.working():
        run = await stage.start(flow({"a": {"agent": "writer"}}, agents=agents))
        await stage.has_status(run, "waiting")
        assert (await stage.kinds(run))[-2:] == ["StepDeferred", "RunRested"]


async def test_what_may_be_left_out_is_skipped(stage: Stage) -> None:
    async def short(ctx: StepContext) -> StepResult:
        raise WorkSkipped("Below 20 % of the bucket.")

    stage.handlers["agent"] = short
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"agent": "writer"}}, agents=agents, output="{{ a is none }}"))
    assert (run.status, run.output) == ("completed", True)
    (skipped,) = [fact for fact in await stage.facts(run.id) if isinstance(fact, f.StepSkipped)]
    assert skipped.reason == "Below 20 % of the bucket."


async def test_a_run_costs_what_its_calls_cost_also_those_that_failed(stage: Stage) -> None:
    asked = 0

    async def dear(ctx: StepContext) -> StepResult:
        nonlocal asked
        asked += 1
        call = f.CallDecided(
            step=ctx.path, attempt=ctx.attempt, call="c", route="m", outcome="admitted", reason="", cost_usd="0.0000001"
        )
        ctx.record(call)
        if asked < 3:
            raise ModelOverloaded("busy")
        return StepResult(output="text", usage={"cost_usd": "0.0000001"})

    stage.handlers["agent"] = dear
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    again = {"attempts": 3, "backoff": "10ms"}
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"agent": "writer", "retry": again}}, agents=agents))
    assert run.status == "completed"
    assert run.cost_usd == Decimal("0.0000003")


async def test_a_handler_that_cancels_itself_has_failed(stage: Stage) -> None:
    async def odd() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    stage.use(odd=odd)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "odd", "retry": 1}}))
    assert "cancelled itself" in run.error["error"]


async def test_a_time_that_does_not_exist_fails_its_step_only(stage: Stage) -> None:
    graph = flow({"w": {"wait": {"until": "{{ input.day }}"}}}, input={"day": {"type": "string"}})
    async with stage.working():
        run = await stage.carry_out(graph, day="2026-02-31T09:00:00Z")
    assert "needs a time such as 2026-01-31T09:00:00Z" in run.error["error"]


async def test_what_a_sub_flow_was_at_work_on_ends_when_the_text_that_it_reads_is_taken_back(stage: Stage) -> None:
    held = Held()
    cut_off = asyncio.Event()

    async def write(context: StepContext) -> StepResult:
        if context.step.id == "code":
            context.write(["a\n", "b\n"] if context.attempt == 1 else ["c\n"])
            if context.attempt == 1:
                await held.called()
                raise ModelOverloaded("not today")
        else:
            context.write(["inner\n"])
            if context.path == "notes[0].think":
                try:
                    await asyncio.Event().wait()
                finally:
                    cut_off.set()
        return StepResult(is_text=True)

    async def look(line: str) -> str:
        if line == "c":
            return line.upper()
        return str(await held())

    stage.use(look=look)
    stage.handlers["agent"] = write
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    inner = {
        "flow": "inner",
        "agents": agents,
        "input": {"line": {"type": "string"}},
        "steps": {
            "think": {"agent": "writer"},
            "pause": {"wait": {"event": "never"}, "when": "input.line != 'c'"},
            "look": {"tool": "look", "input": {"line": "{{ input.line }}"}},
        },
        "output": "{{ look }}",
    }
    each = {"of": "code", "by": "line", "concurrency": 1}
    steps = {
        "code": {"agent": "writer", "retry": SOON},
        "notes": {"flow": "inner", "input": {"line": "{{ segment | trim }}"}, "each": each},
    }
    async with stage.working():
        graph = flow(steps, agents=agents, flows={"inner": inner}, output="{{ notes | join('') }}")
        run = await stage.carry_out(graph)
    assert (run.status, run.output) == ("completed", "C")
    assert cut_off.is_set()
    assert held.at_work == 0
    assert await stage.text(run.id, "notes[0].think") == ""
    assert [fact.step for fact in await stage.facts(run.id) if isinstance(fact, f.StepDropped)] == [
        "notes[0]",
        "notes[1]",
    ]
    told = [row.kind for row in await stage.rows(run.id) if str(row.step).startswith("notes[0].look")]
    assert told == ["StepStarted"]


async def test_what_is_asked_for_twice_without_progress_fails_the_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a guard this would block the loop, and with it every run of the process."""

    def faulty(progress: Progress) -> Iterator[Command]:
        yield from commands(progress)
        if progress.status == "running" and faults:
            yield Record(f.StepCompleted(step="gone[0]"))

    faults = [True]
    monkeypatch.setattr("stretto.engine.run.commands", faulty)
    held = Held()
    stage.use(held=held.tool)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "held"}}))
        assert run.status == "failed"
        assert run.error["step"] == "gone[0]"
        assert "StepCompleted was asked for twice" in run.error["error"]
        assert await stage.kinds(run.id, "gone[0]") == ["StepCompleted"]
        faults.clear()
        held.let_go()
        await stage.runs.retry(run.id)
        assert (await stage.has_status(run.id, "completed")).output is not None


async def test_text_written_anew_after_a_break_between_its_retraction_and_the_drops_is_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is told to stop just when the attempt fails: the retraction stands in the journal, and no drop."""
    emit = RunTask._emit  # pyright: ignore[reportPrivateUsage]
    breaks = [True]

    def emit_and_break(self: RunTask, fact: f.Fact) -> int:
        seq = emit(self, fact)
        if isinstance(fact, f.TextRetracted) and breaks:
            breaks.clear()
            self.hand_over()
        return seq

    read: list[str] = []

    async def look(line: str) -> str:
        read.append(line)
        return line

    async def write(context: StepContext) -> StepResult:
        if context.attempt == 1:
            context.write(["a\n", "b\n"])
            await until(lambda: len(read) == 2, "both lines were read")
            raise ModelOverloaded("not today")
        context.write(["c\n", "d\n"])
        return StepResult(is_text=True)

    monkeypatch.setattr(RunTask, "_emit", emit_and_break)
    stage.use(look=look)
    stage.handlers["agent"] = write
    each = {"of": "code", "by": "line"}
    steps = {
        "code": {"agent": "writer", "retry": SOON},
        "notes": {"tool": "look", "input": {"line": "{{ segment | trim }}"}, "each": each},
    }
    agents = {"writer": {"model": "m", "prompt": "Write.\n"}}
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=agents, output="{{ notes | join('') }}"))
    kinds = await stage.kinds(run.id)
    retracted = kinds.index("TextRetracted")
    assert kinds[retracted : retracted + 4] == ["TextRetracted", "StepFailed", "RunRested", "RunClaimed"]
    assert (run.status, run.output) == ("completed", "cd")

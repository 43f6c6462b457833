"""A fork keeps what does not depend on the step, and runs the rest anew; the past can be looked at."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from stretto.engine import Edits, Run, fork
from stretto.engine.rows import facts_of, texts_of
from stretto.errors import InputInvalid, NotPossible, StepNotFound
from stretto.flow import facts as f
from stretto.testing import ScriptedModel
from tests.postgres.engine.stage import Held, Stage, flow

AGENTS = {"writer": {"model": "m", "prompt": "Write.\n"}}


class Calls:
    """A tool that joins what it is given, and knows how often each step called it."""

    def __init__(self) -> None:
        self.by_step: Counter[str] = Counter()

    @property
    def tool(self) -> Any:
        async def join(idempotency_key: str, **parts: Any) -> str:
            self.by_step[idempotency_key.split("/", 1)[1]] += 1
            return "".join(map(str, parts.values()))

        return join

    def since(self, before: Counter[str]) -> dict[str, int]:
        """Calls since then, by step."""
        return dict(self.by_step - before)


DIAMOND = flow(
    {
        "a": {"tool": "join", "input": {"x": "{{ input.text }}"}},
        "b": {"tool": "join", "input": {"x": "{{ a }}b"}},
        "c": {"tool": "join", "input": {"x": "{{ a }}c"}},
        "d": {"tool": "join", "input": {"x": "{{ b }}", "y": "{{ c }}"}},
    },
    input={"text": {"type": "string"}},
)


async def forked(stage: Stage, run: Run, step: str, edits: Edits | None = None) -> Run:
    """The fork, once it has ended."""
    return await stage.ended(await fork(stage.runs, run.id, step, edits))


async def test_only_the_step_and_what_depends_on_it_run_again(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    async with stage.working():
        run = await stage.carry_out(DIAMOND, text="x")
        before = calls.by_step.copy()
        new = await forked(stage, run, "b")
    assert (new.output, run.output, new.parent_id) == ("xbxc", "xbxc", run.id)
    assert calls.since(before) == {"b": 1, "d": 1}
    first = (await stage.facts(new.id))[0]
    assert first == f.RunAccepted(flow="test", version=1, input={"text": "x"}, priority=2, parent=str(run.id))
    assert [row.seq for row in await stage.rows(new.id)] == list(range(1, len(await stage.rows(new.id)) + 1))


async def test_the_old_run_is_left_as_it_was(stage: Stage) -> None:
    stage.use(join=Calls().tool)
    async with stage.working():
        run = await stage.carry_out(DIAMOND, text="x")
        before = await stage.rows(run.id)
        await forked(stage, run, "a")
    assert await stage.rows(run.id) == before
    assert await stage.runs.get(run.id) == run


async def test_another_input_counts_for_what_runs_anew(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    async with stage.working():
        run = await stage.carry_out(DIAMOND, text="x")
        whole = await forked(stage, run, "a", Edits.parse({"input.text": "y"}))
        part = await forked(stage, run, "d", Edits(input={"text": "y"}))
        with pytest.raises(InputInvalid):
            await fork(stage.runs, run.id, "a", Edits(input={"text": 7}))
    assert (whole.output, part.output) == ("ybyc", "xbxc")
    assert whole.input == {"text": "y"}


async def test_an_output_that_is_set_is_not_made_again(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    async with stage.working():
        run = await stage.carry_out(DIAMOND, text="x")
        before = calls.by_step.copy()
        new = await forked(stage, run, "b", Edits.parse({"b": "B"}))
        assert (new.output, calls.since(before)) == ("Bxc", {"d": 1})
        before = calls.by_step.copy()
        new = await forked(stage, run, "a", Edits(outputs={"b": "B"}))
        assert (new.output, calls.since(before)) == ("Bxc", {"a": 1, "c": 1, "d": 1})
        with pytest.raises(NotPossible, match="does not run 'c' again"):
            await fork(stage.runs, run.id, "b", Edits(outputs={"c": "C"}))
    first = (await stage.facts(new.id))[0]
    assert isinstance(first, f.RunAccepted)
    assert first.edits == {"b": "B"}


async def test_an_unknown_step_is_refused(stage: Stage) -> None:
    stage.use(join=Calls().tool)
    async with stage.working():
        run = await stage.carry_out(DIAMOND, text="x")
    with pytest.raises(StepNotFound):
        await fork(stage.runs, run.id, "z")
    assert len(await stage.runs.list()) == 1


async def test_streamed_text_is_kept_with_its_step(stage: Stage) -> None:
    model = ScriptedModel({"code": ["first text"], "more": ["one", "two"]})
    stage.use(model, join=Calls().tool)
    steps = {
        "code": {"agent": "writer"},
        "more": {"agent": "writer", "after": ["code"]},
        "last": {"tool": "join", "input": {"x": "{{ code }}", "y": "{{ more }}"}},
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=AGENTS))
        new = await forked(stage, run, "more")
    assert (run.output, new.output) == ("first textone", "first texttwo")
    assert await stage.text(new.id, "code") == "first text"
    assert len(model.requests) == 3


LOOP = flow(
    {
        "l": {
            "loop": {"until": "turn >= 3", "max": 5},
            "steps": {
                "x": {"tool": "join", "input": {"a": "{{ turn }}", "b": "{{ y }}"}},
                "y": {"tool": "join", "input": {"a": "{{ x }}", "b": "!"}},
            },
        },
        "z": {"tool": "join", "input": {"a": "{{ y }}"}},
    }
)


async def test_a_fork_from_inside_a_turn_keeps_the_turns_before_and_goes_on_from_there(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    async with stage.working():
        run = await stage.carry_out(LOOP)
        before = calls.by_step.copy()
        new = await forked(stage, run, "l[2].y", Edits(outputs={"l[2].y": "?"}))
    assert run.output == "321None!!!"
    assert new.output == "3?!"
    assert calls.since(before) == {"l[3].x": 1, "l[3].y": 1, "z": 1}
    assert (await stage.kinds(new.id, "l")) == ["TurnStarted", "TurnStarted", "TurnStarted", "StepCompleted"]


async def test_a_fork_by_a_plain_name_takes_the_last_turn(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    async with stage.working():
        run = await stage.carry_out(LOOP)
        before = calls.by_step.copy()
        new = await forked(stage, run, "y")
    assert new.output == run.output
    assert calls.since(before) == {"l[3].y": 1, "z": 1}


async def test_a_fork_from_inside_an_item_keeps_the_other_items(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    steps = {
        "m": {
            "map": {"over": "{{ ['a', 'b', 'c'] }}"},
            "steps": {
                "x": {"tool": "join", "input": {"a": "{{ item }}"}},
                "y": {"tool": "join", "input": {"a": "{{ x }}", "b": "+"}},
            },
        }
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps))
        before = calls.by_step.copy()
        new = await forked(stage, run, "m[1].x", Edits(outputs={"m[1].x": "B"}))
    assert (run.output, new.output) == (["a+", "b+", "c+"], ["a+", "B+", "c+"])
    assert calls.since(before) == {"m[1].y": 1}


async def test_a_fork_from_inside_a_branch_or_sub_flow_goes_on_inside_it(stage: Stage) -> None:
    calls = Calls()
    stage.use(join=calls.tool)
    inner = {
        "flow": "inner",
        "input": {"t": {"type": "string"}},
        "steps": {
            "p": {"tool": "join", "input": {"a": "{{ input.t }}"}},
            "q": {"tool": "join", "input": {"a": "{{ p }}", "b": "q"}},
        },
    }
    steps = {"b": {"branch": [{"when": "true", "steps": {"s": {"flow": "inner", "input": {"t": "T"}}}}]}}
    async with stage.working():
        run = await stage.carry_out(flow(steps, flows={"inner": inner}))
        before = calls.by_step.copy()
        new = await forked(stage, run, "b.s.q", Edits(outputs={"b.s.q": "Q"}))
        again = await forked(stage, run, "b.s.p")
    assert (run.output, new.output, again.output) == ("Tq", "Q", "Tq")
    assert calls.since(before) == {"b.s.p": 1, "b.s.q": 1}


async def test_a_fork_from_a_reader_reads_the_kept_stream_again(stage: Stage) -> None:
    calls = Calls()
    model = ScriptedModel({"code": ["a\nb\n"]})
    stage.use(model, join=calls.tool)
    steps = {
        "code": {"agent": "writer"},
        "notes": {"tool": "join", "input": {"x": "{{ segment | trim }}"}, "each": {"of": "code", "by": "line"}},
        "last": {"tool": "join", "input": {"x": "{{ notes | join('+') }}"}},
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=AGENTS))
        before = calls.by_step.copy()
        new = await forked(stage, run, "notes")
        assert calls.since(before) == {"notes[0]": 1, "notes[1]": 1, "last": 1}
        one = await forked(stage, run, "notes[1]")
    assert (run.output, new.output, one.output) == ("a+b", "a+b", "a+b")
    assert len(model.requests) == 1


async def test_a_failed_run_can_be_forked_with_the_output_that_it_lacked(stage: Stage) -> None:
    async def bad() -> None:
        raise ValueError("no")

    stage.use(bad=bad, join=Calls().tool)
    steps = {"a": {"tool": "bad", "retry": 1}, "b": {"tool": "join", "input": {"x": "{{ a }}"}}}
    async with stage.working():
        run = await stage.carry_out(flow(steps))
        assert run.status == "failed"
        assert (await forked(stage, run, "a", Edits(outputs={"a": "given"}))).output == "given"


async def test_a_run_at_work_can_be_forked_and_both_go_on(stage: Stage) -> None:
    held = Held()
    calls = Calls()
    stage.use(held=held.tool, join=calls.tool)
    steps = {
        "a": {"tool": "join", "input": {"x": "a"}},
        "h": {"tool": "held", "after": ["a"]},
        "b": {"tool": "join", "input": {"x": "{{ h }}"}},
    }
    async with stage.working():
        run_id = await stage.start(flow(steps))
        await held.called()
        new_id = await fork(stage.runs, run_id, "b")
        await held.called(2)
        held.let_go()
        assert (await stage.ended(run_id)).output == "1"
        assert (await stage.ended(new_id)).output == "2"
    assert calls.by_step == {"a": 1, "b": 2}


async def test_a_wait_that_is_kept_is_in_the_inbox_of_the_fork_too(stage: Stage) -> None:
    stage.use(join=Calls().tool)
    steps = {"ask": {"review": {"show": "x", "question": "?"}}, "b": {"tool": "join", "input": {"x": "b"}}}
    async with stage.working():
        run_id = await stage.start(flow(steps, output="{{ ask.by }}"))
        await stage.has_status(run_id, "waiting")
        new_id = await fork(stage.runs, run_id, "b")
        await stage.has_status(new_id, "waiting")
        assert len(await stage.reviews.list()) == 2
        await stage.decide(new_id, "ask", "approve", by="ann")
        assert (await stage.ended(new_id)).output == "ann"
        assert (await stage.runs.get(run_id)).status == "waiting"


async def test_a_timer_that_is_kept_fires_in_the_fork_too(stage: Stage) -> None:
    stage.use(join=Calls().tool)
    steps = {"w": {"wait": {"for": "300ms"}}, "b": {"tool": "join", "input": {"x": "b"}}}
    async with stage.working():
        run_id = await stage.start(flow(steps))
        await stage.has_status(run_id, "waiting")
        new_id = await fork(stage.runs, run_id, "b")
        assert (await stage.ended(new_id)).status == "completed"
        assert (await stage.ended(run_id)).status == "completed"


# Time travel


async def test_a_run_can_be_looked_at_as_it_was_after_any_row(stage: Stage) -> None:
    stage.use(join=Calls().tool)
    async with stage.working():
        run = await stage.carry_out(DIAMOND, text="x")
    rows = await stage.rows(run.id)
    done: list[int] = []
    for row in rows:
        progress = await stage.runs.progress(run.id, at_seq=row.seq)
        done.append(sum(state.status == "completed" for state in progress.states.values()))
        assert progress.is_over == (row is rows[-1])
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 4)
    with pytest.raises(NotPossible, match="begins with row 1"):
        await stage.runs.progress(run.id, at_seq=0)


async def test_every_turn_of_a_loop_can_be_looked_at(stage: Stage) -> None:
    stage.use(join=Calls().tool)
    async with stage.working():
        run = await stage.carry_out(LOOP)
    progress = await stage.runs.progress(run.id)
    outputs = [state.output for turn in (1, 2, 3) if (state := progress.state(f"l[{turn}].x"))]
    assert outputs == ["1None", "21None!", "321None!!"]


async def test_the_rows_of_a_run_replay_to_what_it_came_to(stage: Stage) -> None:
    model = ScriptedModel({"code": [["one ", "two ", ValueError("wire broke")], ["three ", "four"]]})
    stage.use(model)
    async with stage.working():
        steps = {"code": {"agent": "writer", "retry": {"attempts": 2, "backoff": "10ms"}}}
        run = await stage.carry_out(flow(steps, agents=AGENTS))
    rows = await stage.rows(run.id)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert texts_of(rows)["code"].slice(0) == run.output == "three four"
    ended = facts_of(rows)[-1]
    assert ended == f.RunCompleted(output="three four")

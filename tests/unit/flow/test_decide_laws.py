"""Laws that `decide` keeps whatever the flow and whatever the order in which things happen."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stretto.flow.decide import Command, commands
from stretto.flow.scope import StepState
from tests.unit.flow.made_flows import Document, World, documents, fresh_commands, picture

SOME = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
seeds = st.integers(0, 2**32)


@SOME
@given(documents(), seeds, seeds)
def test_any_order_of_events_comes_to_the_same_end(document: Document, one: int, other: int) -> None:
    first, second = World(document, Random(one)), World(document, Random(other))
    outputs = first.run(), second.run()
    if any(map(gave_up_while_read, (first, second))):
        return
    assert outputs[0] == outputs[1]
    ended = [
        {path: state.status for path, state in world.progress.states.items() if not in_item(state)}
        for world in (first, second)
    ]
    assert ended[0] == ended[1]


@SOME
@given(documents(), seeds)
def test_facts_folded_anew_call_for_the_same_as_facts_taken_one_by_one(document: Document, seed: int) -> None:
    def check(world: World) -> None:
        assert list(commands(world.progress)) == fresh_commands(world)

    World(document, Random(seed), on_fact=check).run()


@SOME
@given(documents(), seeds)
def test_asking_changes_nothing(document: Document, seed: int) -> None:
    def check(world: World) -> None:
        before = picture(world.progress)
        asked = list(commands(world.progress))
        assert picture(world.progress) == before
        assert list(commands(world.progress)) == asked

    World(document, Random(seed), on_fact=check).run()


@SOME
@given(documents(), seeds, st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_a_run_that_was_broken_off_anywhere_comes_to_the_same_end(
    document: Document, seed: int, deaths: list[int]
) -> None:
    whole = World(document, Random(seed))
    expected = whole.run()
    broken = World(document, Random(seed + 1))
    for steps in deaths:
        for _ in range(steps):
            if broken.progress.is_over:
                break
            broken.step()
        if not broken.progress.is_over:
            broken.die()
    assert broken.run() == expected


@SOME
@given(documents(), seeds, st.integers(0, 60))
def test_what_a_dead_process_left_can_be_taken_up_from_its_facts_alone(
    document: Document, seed: int, steps: int
) -> None:
    left = World(document, Random(seed))
    for _ in range(steps):
        if left.progress.is_over:
            break
        left.step()
    taken = World(document, Random(seed), facts=list(left.facts), texts=dict(left.texts))
    assert list(commands(taken.progress)) == list(commands(left.progress))
    if not taken.progress.is_over:
        taken.die()
        left.die()
        assert list(commands(taken.progress)) == list(commands(left.progress))
        assert taken.run() == left.run()


@SOME
@given(documents(), seeds, st.integers(0, 40), seeds)
def test_two_things_that_can_both_happen_may_happen_in_either_order(
    document: Document, seed: int, steps: int, pick: int
) -> None:
    world = World(document, Random(seed))
    for _ in range(steps):
        if world.progress.is_over:
            return
        world.step()
    paths = sorted(world.at_work)
    if len(paths) < 2:
        return
    a, b = Random(pick).sample(paths, 2)
    worlds: list[World] = []
    for order in ((a, b), (b, a)):
        again = World(document, Random(seed), facts=list(world.facts), texts=dict(world.texts))
        again.at_work = dict(world.at_work)
        for path in order:
            if path in again.at_work:
                again.work_on(path)
        worlds.append(again)
    if any(set(world.at_work) != set(worlds[0].at_work) for world in worlds):
        return  # one has ended the other
    assert called_for(worlds[0]) == called_for(worlds[1])


def gave_up_while_read(world: World) -> bool:
    """Whether a step that others read failed for good: an item that read it may have failed just before, and fails its reader,
    or would have been dropped a moment later, and fails nothing. There the order decides, as it does in life."""
    states = world.progress.states.values()
    return any(state.status == "failed" and any(world.progress.readers_of(state)) for state in states)


def in_item(state: StepState) -> bool:
    """Whether this is an item or inside one: a segment that is cut anew has another number, and so other paths."""
    holder: StepState | None = state
    while holder is not None and holder.reader is None:
        holder = holder.frame.owner
    return holder is not None


def called_for(world: World) -> list[str]:
    """The commands, in an order that does not depend on that of the facts."""
    return sorted(str(key(command)) for command in commands(world.progress))


def key(command: Command) -> tuple[str, str]:
    """What a command is about."""
    fact = getattr(command, "fact", None)
    return type(command).__name__, repr(fact) if fact is not None else getattr(command, "path", "")

"""Spans of a run's facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.stream.log import Row
from stretto.telemetry.spans import spans_of

TENANT, RUN = UUID(int=1), UUID("019e0000-0000-7000-8000-000000000000")
AT = datetime(2026, 1, 1, tzinfo=UTC)
GRAPH = compile_document(
    {
        "flow": "test",
        "agents": {"finder": {"model": "m", "prompt": "Find.\n", "tools": ["pages.read"]}},
        "steps": {"find": {"agent": "finder"}},
    }
)


def rows(*facts: f.Fact) -> list[Row]:
    """As the journal holds them, a second apart."""
    made: list[Row] = []
    for seq, fact in enumerate(facts, 1):
        fields = f.fact_fields(fact)
        step, attempt = fields.pop("step", None), fields.pop("attempt", None)
        made.append(Row(seq, type(fact).__name__, AT + timedelta(seconds=seq), step, attempt, body=fields))
    return made


def test_a_tool_that_an_agent_calls_is_a_span_inside_the_agents() -> None:
    asked = [f.Asked(id="c1", name="pages_read", arguments="{}"), f.Asked(id="c2", name="pages_read", arguments="{}")]
    facts = (
        f.RunAccepted(flow="test", version=1, input={}, priority=2),
        f.StepStarted(step="find", attempt=1),
        f.ModelAnswered(step="find", attempt=1, turn=1, start=0, end=0, calls=asked),
        f.ToolCalled(step="find", attempt=1, turn=1, call="c1", tool="pages.read", output="secret", took_s=0.5),
        f.ToolCalled(step="find", attempt=1, turn=1, call="c2", tool="pages.read", error="gone"),
        f.StepCompleted(step="find", attempt=1, of="text"),
        f.RunCompleted(),
    )
    spans = spans_of(TENANT, RUN, rows(*facts), GRAPH.root.steps.get)
    (agent,) = [span for span in spans if span.name == "invoke_agent finder"]
    first, second = [span for span in spans if span.name == "execute_tool pages.read"]
    assert {first.parent, second.parent} == {agent.id}
    assert first.end - first.start == timedelta(seconds=0.5)
    assert (first.error, second.error) == ("", "gone")
    assert second.attributes["error.type"] == "tool_error"
    assert first.attributes["gen_ai.tool.call.id"] == "c1"
    assert "secret" not in str(spans)
    told = spans_of(TENANT, RUN, rows(*facts), GRAPH.root.steps.get, content=True)
    assert "secret" in str(told)
    assert len({span.id for span in spans}) == len(spans)

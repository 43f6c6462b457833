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
        "steps": {"find": {"agent": "finder"}, "desk": {"tool": "desk"}},
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


def test_the_nodes_of_a_graph_are_spans_inside_the_attempt_that_they_worked_in() -> None:
    facts = (
        f.RunAccepted(flow="test", version=1, input={}, priority=2),
        f.RunClaimed(worker="one"),
        f.StepStarted(step="desk", attempt=1),
        f.NodeStarted(step="desk", attempt=1, task="a", node="draft"),
        f.NodeStarted(step="desk", attempt=1, task="b", node="check", inside="inner/deep"),
        f.NodeEnded(
            step="desk", attempt=1, task="b", node="check", inside="inner/deep", outcome="failed", error="away"
        ),
        f.RunClaimed(worker="two"),  # the process died while `draft` was at work
        f.StepStarted(step="desk", attempt=2),
        f.NodeStarted(step="desk", attempt=2, task="a", node="draft"),
        f.NodeEnded(step="desk", attempt=2, task="a", node="draft", took_s=1.0, outcome="interrupted"),
        f.NodeStarted(step="desk", attempt=2, task="a", node="draft"),
        f.NodeEnded(step="desk", attempt=2, task="a", node="draft", took_s=1.0),
        f.NodesPassedOver(step="desk", attempt=2, after=2),
        f.NodeEnded(step="desk", attempt=2, task="c", node="late", took_s=0.25, outcome="failed", error="gone"),
        f.NodeStarted(step="desk", attempt=2, task="d", node="beside"),
        f.StepFailed(step="desk", attempt=2, error="gone"),
        f.RunFailed(step="desk", error="gone"),
    )
    spans = spans_of(TENANT, RUN, rows(*facts), GRAPH.root.steps.get)
    first, second = [span for span in spans if span.name == "execute_tool desk"]
    nodes = {span.start: span for span in spans if span.name.startswith("node ")}
    told = [(span.name, span.parent == first.id, span.error) for _, span in sorted(nodes.items())]
    assert told == [
        ("node draft", True, "the process that did this node ended"),
        ("node inner/deep/check", True, "away"),
        ("node draft", False, ""),
        ("node draft", False, ""),
        ("node late", False, "gone"),
        ("node beside", False, ""),
    ]
    assert {span.parent for span in nodes.values()} == {first.id, second.id}
    late = next(span for span in nodes.values() if span.name == "node late")
    assert late.end - late.start == timedelta(seconds=0.25)
    assert late.attributes["error.type"] == "node_error"
    assert all(first.start <= span.start <= span.end <= second.end for span in nodes.values())
    assert len({span.id for span in spans}) == len(spans)
    assert spans == spans_of(TENANT, RUN, rows(*facts), GRAPH.root.steps.get)

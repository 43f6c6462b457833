"""Policies of a flow: what they come to, that they travel inside the document, and that `decide` knows what a judge gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from stretto.errors import FlowInvalid
from stretto.flow import compile_document, load_flow
from stretto.flow.builder import Agent, Flow, judge
from stretto.flow.graph import JudgeCall, Policy, ReviewRules, Thresholds, Topic

FLOW = """
flow: campaign
input: {post: {type: string}, fee: {type: string}}
agents:
  critic: {model: strong, prompt: "Is this good? {{ post }}", returns: Judgement}
  cfo: {model: strong, prompt: "May we pay {{ fee }}?", returns: Judgement}
policies: {publish: policies/publish.yaml}
steps:
  score:
    judge: {agent: critic, policy: publish, content_type: video, content: post}
    input: {post: "{{ input.post }}", fee: "{{ input.fee }}"}
output: "{{ score.mandatory }}"
"""
POLICY = """
criteria: [Every claim has a source., It is short.]
persona: SOUL.md
rules: Never mock anybody.
topics:
  politics:
  gambling: {keywords: [casino, place a bet], examples: [Win big tonight.], threshold: 0.5}
checks: {max_chars: 280, must_match: "#", schema: {type: string}}
confidence: {samples: 5}
approve: 0.9
reject: 0.6
by_content_type: {video: {approve: 0.95}}
money: {limit: 50 usd, judge: cfo, amount: "{{ fee }}"}
sample: 0.02
review: {deadline: 24h, on_deadline: approve, escalate_after: 4h, escalate_to: owner, bulk_from: 0.85}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "publish.yaml").write_text(POLICY)
    (tmp_path / "SOUL.md").write_text("Dry wit.\nNo slang.\n")
    (tmp_path / "campaign.yaml").write_text(FLOW)
    return tmp_path


def test_a_policy_is_read_whole(folder: Path) -> None:
    graph = load_flow(folder / "campaign.yaml")
    policy = graph.policies["publish"]
    assert policy.criteria == ("Every claim has a source.", "It is short.")
    assert policy.persona == "Dry wit.\nNo slang."
    assert policy.rules == ("Never mock anybody.",)
    gambling = Topic("gambling", ("casino", "place a bet"), ("Win big tonight.",), 0.5)
    assert policy.topics == (Topic("politics"), gambling)
    assert (policy.checks.max_chars, policy.checks.must_match) == (280, ("#",))
    assert (policy.confidence, policy.samples, policy.sample) == ("samples", 5, 0.02)
    assert policy.thresholds == Thresholds(0.9, 0.6)
    assert policy.by_content_type == {"video": Thresholds(0.95)}
    assert policy.money is not None
    assert (policy.money.limit_usd, policy.money.judge) == (50, "cfo")
    assert policy.review == ReviewRules(
        deadline_s=86400, on_deadline="approve", escalate_s=14400, escalate_to="owner", bulk_from=0.85
    )
    call = graph.root.steps["score"].call
    assert call == JudgeCall("critic", None, None, "publish", "video", "post")


def test_the_document_holds_the_policy_and_its_persona(folder: Path) -> None:
    graph = load_flow(folder / "campaign.yaml")
    again = compile_document(graph.document)
    assert again.digest == graph.digest
    assert again.policies["publish"].persona == "Dry wit.\nNo slang."
    (folder / "SOUL.md").write_text("Loud.\n")
    changed = load_flow(folder / "campaign.yaml")
    assert changed.digest != graph.digest
    assert changed.policies["publish"].persona == "Loud."


def test_a_policy_that_says_nothing_watches_all_topics_and_first_times() -> None:
    flow = Flow(
        "plain",
        agents={"critic": Agent("strong", "Is this good? {{ post }}", returns="Judgement")},
        policies={"publish": {}},
        steps={"score": judge("critic", policy="publish", content_type="post", input={"post": "Hello"})},
    )
    policy = flow.graph().policies["publish"]
    assert policy == Policy("publish", topics=tuple(map(Topic, ("politics", "health", "finance", "legal"))))
    assert policy.first_time == "review"


def test_a_file_in_a_stored_document_is_refused() -> None:
    document = {"flow": "x", "policies": {"publish": "publish.yaml"}, "steps": {"w": {"wait": {"for": "1s"}}}}
    with pytest.raises(FlowInvalid, match=r"the policy file `publish.yaml` is not here to be read"):
        compile_document(document)

"""The judge: from content and policy to a verdict, with its reasons."""

from stretto.agents.judging.handler import Judging, judge_handler
from stretto.agents.judging.ports import NoPastDecisions, NoThresholds, PastDecision, PastDecisions, ThresholdsInForce

__all__ = [
    "Judging",
    "NoPastDecisions",
    "NoThresholds",
    "PastDecision",
    "PastDecisions",
    "ThresholdsInForce",
    "judge_handler",
]

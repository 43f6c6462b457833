"""Agents: a prompt, a model and the type of its answer."""

from stretto.agents.asked import asked_of
from stretto.agents.handler import agent_handler
from stretto.agents.hosted import hosted
from stretto.agents.judging import judge_handler
from stretto.agents.lending import lend_models

__all__ = ["agent_handler", "asked_of", "hosted", "judge_handler", "lend_models"]

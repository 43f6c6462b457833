"""Agents: a prompt, a model and the type of its answer."""

from stretto.agents.handler import agent_handler
from stretto.agents.judging import judge_handler

__all__ = ["agent_handler", "judge_handler"]

"""Graphs built with LangGraph (extra `langgraph`) as flows, their checkpoints in Stretto's database, and a chat model on its gateway."""

from stretto.langgraph.checkpoint import StrettoSaver

__all__ = ["StrettoSaver"]

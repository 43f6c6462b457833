"""Graphs built with LangGraph (extra `langgraph`) as flows, their checkpoints in Stretto's database, and a chat model on its gateway."""

from stretto.langgraph.chat_model import GatewayChatModel
from stretto.langgraph.checkpoint import StrettoSaver
from stretto.langgraph.hosted import HostedGraph, host, hosted
from stretto.langgraph.seat import current_step

__all__ = ["GatewayChatModel", "HostedGraph", "StrettoSaver", "current_step", "host", "hosted"]

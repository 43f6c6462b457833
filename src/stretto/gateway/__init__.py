"""Model calls: the port, and what answers behind it."""

from stretto.gateway.provider import Completion, Message, ModelProvider, ModelRequest, TokenSink

__all__ = ["Completion", "Message", "ModelProvider", "ModelRequest", "TokenSink"]

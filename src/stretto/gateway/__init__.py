"""Model calls: the port, and what answers behind it."""

from stretto.gateway.provider import (
    Caller,
    Completion,
    Decision,
    Message,
    ModelProvider,
    ModelRequest,
    TokenCounts,
    TokenSink,
    ToolCall,
    ToolCallPiece,
    ToolSpec,
)

__all__ = [
    "Caller",
    "Completion",
    "Decision",
    "Message",
    "ModelProvider",
    "ModelRequest",
    "TokenCounts",
    "TokenSink",
    "ToolCall",
    "ToolCallPiece",
    "ToolSpec",
]

"""Servers of tools that speak MCP. The SDK is loaded when the first server is used."""

from stretto.tools.mcp.asks import Asker, ModelAsked, ModelSaid, PersonAsked, PersonSaid, Ports, Progress
from stretto.tools.mcp.pool import PoolLimits, ServerPool
from stretto.tools.mcp.secrets import SecretSource
from stretto.tools.mcp.tool import ServerTool

__all__ = [
    "Asker",
    "ModelAsked",
    "ModelSaid",
    "PersonAsked",
    "PersonSaid",
    "PoolLimits",
    "Ports",
    "Progress",
    "SecretSource",
    "ServerPool",
    "ServerTool",
]

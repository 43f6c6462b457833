"""Tools: what steps and agents can have done, by Python functions and by servers."""

from stretto.tools.builtin import builtin_tools
from stretto.tools.function import FunctionTool
from stretto.tools.handler import tool_handler
from stretto.tools.registry import Tools
from stretto.tools.source import ToolSource
from stretto.tools.tool import Effects, Tool

__all__ = ["Effects", "FunctionTool", "Tool", "ToolSource", "Tools", "builtin_tools", "tool_handler"]

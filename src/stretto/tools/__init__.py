"""Python functions as tools."""

from stretto.tools.builtin import builtin_tools
from stretto.tools.handler import tool_handler
from stretto.tools.registry import Tool, Tools

__all__ = ["Tool", "Tools", "builtin_tools", "tool_handler"]

"""What a call gave, as plain JSON data: small enough, and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from stretto.errors import OutputInvalid, ToolFailed
from stretto.tools.mcp.secrets import Secrets

if TYPE_CHECKING:
    from mcp_types import CallToolResult

MOST_BYTES = 1 << 20
"""Most that a result may be as JSON."""
MOST_ERROR = 4_000


def to_output(tool: str, result: CallToolResult, secrets: Secrets, unheard: str = "") -> Any:
    """The result: its structured content, else its text, else its blocks (text, images, resources) as the protocol has them.

    `unheard` tells what it asked and nobody answered. Raises `ToolFailed` when the tool says that it failed, `OutputInvalid` when the result is too large.
    """
    if result.is_error:
        told = secrets.cover(text_of(result)).strip()[:MOST_ERROR]
        raise ToolFailed(f"The tool {tool!r} failed: {told or 'it does not say why'}{unheard}", tool=tool)
    output = secrets.cover_all(to_plain(result))
    try:
        size = len(orjson.dumps(output))
    except TypeError as error:
        raise OutputInvalid(f"The tool {tool!r} gave what is no plain JSON: {error}.", tool=tool) from None
    if size > MOST_BYTES:
        raise OutputInvalid(
            f"The tool {tool!r} gave {size / (1 << 20):.1f} MiB, but a result may have {MOST_BYTES >> 20} MiB at most. "
            "Ask for less at once.",
            tool=tool,
        )
    return output


def to_plain(result: CallToolResult) -> Any:
    """The result as JSON data."""
    if result.structured_content is not None:
        return result.structured_content
    if all(block.type == "text" for block in result.content):
        return text_of(result)
    return [block.model_dump(by_alias=True, mode="json", exclude_none=True) for block in result.content]


def text_of(result: CallToolResult) -> str:
    """The texts of a result, each on lines of its own."""
    return "\n".join(block.text for block in result.content if block.type == "text")

"""What `mcp:` says as records, and the examples of docs/tools.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stretto.flow.compile import load_flow
from stretto.flow.graph import ToolCall
from stretto.gateway.read_config import read_config
from stretto.gateway.tool_servers import ToolServer

TEXT = (Path(__file__).parents[3] / "docs/tools.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def read(mcp: str) -> dict[str, ToolServer]:
    return dict(read_config(f"routes: {{fast: [simulated/steady]}}\nmcp: {mcp}", "stretto.yaml", {}).mcp)


def test_the_pages_examples_work(tmp_path: Path) -> None:
    config, flow, logins = EXAMPLES
    servers = read_config(config, "docs/tools.md", {}).mcp
    assert servers["files"].command[0] == "npx"
    assert servers["files"].timeout_s == 60.0
    assert servers["issues"].secrets == {"ISSUES_TOKEN": "sealed:issues"}
    assert servers["issues"].timeout_s == 30.0
    (tmp_path / "flow.yaml").write_text(flow, encoding="utf-8")
    graph = load_flow(tmp_path / "flow.yaml")
    assert graph.root.steps["papers"].call == ToolCall("files.list_directory")
    assert graph.agents["reader"].tools == ("files.*", "issues.search")
    assert {"crm", "calendar"} <= read_config(logins, "docs/tools.md", {}).mcp.keys()


def test_words_of_a_command_may_be_numbers() -> None:
    assert read("{a: {command: [node, server.js, 3, 0.5]}}")["a"].command == ("node", "server.js", "3", "0.5")


def test_one_pattern_is_a_list_of_one() -> None:
    server = read("{a: {url: 'http://127.0.0.1:1/mcp', allow: read_*}}")["a"]
    assert server.allows("read_it")
    assert not server.allows("write_it")


def test_the_first_effect_that_fits_counts() -> None:
    server = read("{a: {url: 'http://127.0.0.1:1/mcp', effects: {order_list: reads, 'order_*': spends}}}")["a"]
    assert server.effects_of("order_list", "writes") == "reads"
    assert server.effects_of("order_now", "writes") == "spends"
    assert server.effects_of("other", "writes") == "writes"


@pytest.mark.parametrize("nothing", ["", "{}", "null"])
def test_there_may_be_none(nothing: str) -> None:
    assert read(nothing) == {}

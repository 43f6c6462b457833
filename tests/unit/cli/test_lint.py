"""`stretto lint` tells a flow from a configuration, and checks both."""

from __future__ import annotations

from pathlib import Path

import pytest

from stretto.cli import main
from stretto.cli.exits import Exit
from stretto.cli.lint import is_config

FLOW = "flow: hello\nagents: {a: {model: fast, prompt: 'Say {{ input.x }}.'}}\nsteps: {say: {agent: a}}\n"
CONFIG = "routes: {fast: [openai/gpt-5-mini, ollama/llama3.2]}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_sound_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    Path("gateway.yaml").write_text(CONFIG)
    assert main(["lint", "gateway.yaml"]) == Exit.DONE
    assert capsys.readouterr().out == "gateway.yaml: ok (1 route, 2 deployments)\n"


def test_a_broken_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    Path("stretto.yaml").write_text("route: {}\ndefault_route: fast\n")
    assert main(["lint", "stretto.yaml"]) == Exit.BAD_INPUT
    assert capsys.readouterr().out == (
        "stretto.yaml:1:1: a configuration has no key `route`. Did you mean `routes`?\n"
        "stretto.yaml:1:1: the configuration has no `routes`. Add one: `routes: {fast: [openai/gpt-4o-mini]}`.\n"
        "stretto.yaml:2:16: there is no route `fast`.\n"
        "3 problems\n"
    )


@pytest.mark.parametrize(
    ("name", "text", "configures"),
    [
        ("any.yaml", CONFIG, True),
        ("any.yaml", FLOW, False),
        ("stretto.yaml", "", True),
        ("any.yaml", "", False),
        ("any.yaml", "steps: {}\nroutes: {}", False),
        ("any.yaml", "[", False),
        ("any.yaml", "prices: {}", True),
    ],
)
def test_which_is_which(name: str, text: str, configures: bool) -> None:
    Path(name).write_text(text)
    assert is_config(Path(name)) is configures


def test_what_is_not_there_counts_as_a_flow() -> None:
    assert not is_config(Path("missing.yaml"))

"""`stretto up` goes by stretto.yaml: a mistake stops the start, and leaves a running server as it was."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path

from tests.e2e.command import Running, Stretto

SOUND = "routes: {{{name}: [simulated/any]}}\ndefault_route: {name}\n"


def models(running: Running) -> set[str]:
    """The names that the server answers to."""
    found = re.search(r"ready at (http://127\.0\.0\.1:\d+) · ", running.told)
    assert found is not None
    with urllib.request.urlopen(f"{found[1]}/v1/models", timeout=20) as response:
        return {each["id"] for each in json.load(response)["data"]}


def test_a_mistake_stops_the_start(stretto: Stretto) -> None:
    Path(stretto.folder / "stretto.yaml").write_text("routes:\n  fast: [opnai/gpt-5]\n")
    done = stretto("up", "--port", "0", config="")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: the configuration has 1 problem; nothing was run\n"
        "stretto.yaml:2:10: there is no deployment `opnai/gpt-5`, and no provider `opnai`. Did you mean `openai`?\n"
    )
    looked = stretto("runs", config="")
    assert looked.code == 0, "what calls no model needs no configuration"


def test_the_file_is_followed(stretto: Stretto) -> None:
    file = stretto.folder / "own.yaml"
    file.write_text(SOUND.format(name="first"))
    with stretto.started("up", "--port", "0", config=str(file)) as up:
        up.wait_for("ready at ")
        assert "answers: simulated provider (own.yaml)" in up.told
        assert "first" in models(up)
        file.write_text("routes: {second: [nowhere]}\n")
        up.wait_for("the new configuration does not count")
        assert "own.yaml:1:19: there is no deployment `nowhere`" in up.told
        assert "first" in models(up)
        file.write_text(SOUND.format(name="third"))
        up.wait_for("the gateway goes by a new configuration")
        assert "third" in models(up)
        assert "first" not in models(up)
        up.tell(signal.SIGTERM)
        assert up.end().code == 0

"""`stretto lint`: check flow files, and the gateway's configuration, without running them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stretto.cli.exits import Exit
from stretto.cli.options import FlowFiles

CONFIG_NAMES = ("stretto.yaml", "stretto.yml")


def lint(flows: FlowFiles) -> Exit:
    """Check flow files, and stretto.yaml, without running them.

    Every problem is told with its file, line and column and what to do about it.
    """
    from stretto.cli.amounts import count
    from stretto.cli.safe_text import safe
    from stretto.errors import DocumentInvalid

    found = 0
    for path in flows:
        try:
            told = _check(path)
        except DocumentInvalid as error:
            found += len(error.problems)
            for problem in error.problems:
                print(safe(str(problem)))
        else:
            print(f"{path}: ok ({told})")
    if found:
        print(f"{count(found, 'problem')}")
    return Exit.BAD_INPUT if found else Exit.DONE


def _check(path: Path) -> str:
    """What a sound file holds, in words."""
    from stretto.cli.amounts import count

    if is_config(path):
        from stretto.gateway.config_file import read_source, shown
        from stretto.gateway.read_config import read_config

        config = read_config(read_source(path), shown(path))
        return f"{count(len(config.routes), 'route')}, {count(len(config.deployments), 'deployment')}"
    from stretto.flow import load_flow

    graph = load_flow(path)
    return f"{graph.name}, {count(len(graph.root.steps), 'step')}"


def is_config(path: Path) -> bool:
    """Whether a file is a configuration of the gateway: by its name, else by the words at its top."""
    from stretto.documents.parse import MAX_BYTES, parse
    from stretto.documents.problems import Problems
    from stretto.gateway.read_config import CONFIGURATION
    from stretto.gateway.reading.words import TOP_KEYS

    if path.name in CONFIG_NAMES:
        return True
    try:
        with path.open("rb") as file:
            read = parse(file.read(MAX_BYTES + 1), str(path), Problems(), CONFIGURATION)
    except OSError:
        return False
    top: Mapping[str, object] = read[0] if read else {}
    return not {"flow", "steps"} & top.keys() and bool(set(TOP_KEYS) & top.keys())

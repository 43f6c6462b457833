"""`stretto lint`: check flow files without running them."""

from __future__ import annotations

from stretto.cli.exits import Exit
from stretto.cli.options import FlowFiles


def lint(flows: FlowFiles) -> Exit:
    """Check flow files without running them.

    Every problem is told with its file, line and column and what to do about it.
    """
    from stretto.cli.amounts import count
    from stretto.cli.safe_text import safe
    from stretto.errors import FlowInvalid
    from stretto.flow import load_flow

    found = 0
    for path in flows:
        try:
            graph = load_flow(path)
        except FlowInvalid as error:
            found += len(error.problems)
            for problem in error.problems:
                print(safe(str(problem)))
        else:
            print(f"{path}: ok ({graph.name}, {count(len(graph.root.steps), 'step')})")
    if found:
        print(f"{count(found, 'problem')}")
    return Exit.BAD_INPUT if found else Exit.DONE

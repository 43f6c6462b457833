"""Write docs/errors.md from the table of problems. `--check` only tells whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from stretto.api.docs_page import explained

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"


def errors_page() -> str:
    """The page as Markdown."""
    lines = [
        "# Problems",
        "",
        "What an answer of the HTTP API can say instead of a success, as problem documents (RFC 9457). A server has a like page",
        "at `/docs/errors`, where `docs` of each problem leads. This page is written by `tools/errors_page.py` from",
        "[`errors.py`](../src/stretto/errors.py) and [`api/problems.py`](../src/stretto/api/problems.py).",
    ]
    status = 0
    for each in explained():
        if each.status != status:
            status = each.status
            lines += ["", f"## {status}"]
        told = " ".join(part for part in (each.happened, each.remedy, each.again) if part)
        lines += ["", f"### {each.name}", "", told]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or check it."""
    if "--check" not in sys.argv:
        PAGE.write_text(errors_page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != errors_page():
        sys.stderr.write("docs/errors.md is out of date. Write it anew with `python -m tools.errors_page`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

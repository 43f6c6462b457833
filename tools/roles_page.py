"""Bring the table of roles in docs/access.md up to date; with --check only say whether it is."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from stretto.auth import roles_table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "access.md"


def page(text: str) -> str:
    """The page with the table of today."""
    return re.sub(r"(<!-- roles -->\n).*?(<!-- /roles -->)", rf"\1\n{roles_table()}\n\n\2", text, flags=re.DOTALL)


def main() -> int:
    """Write the page, or check it."""
    text = PAGE.read_text()
    if "--check" in sys.argv:
        return int(page(text) != text)
    PAGE.write_text(page(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Write docs/settings.md from the settings class. `--check` only tells whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from stretto.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def settings_page() -> str:
    """The page as Markdown."""
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable. This page is written by `tools/settings_page.py` from",
        "[`settings.py`](../src/stretto/settings.py).",
        "",
        "| variable | default | what it does |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `STRETTO_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or check it."""
    if "--check" not in sys.argv:
        PAGE.write_text(settings_page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != settings_page():
        sys.stderr.write("docs/settings.md is out of date. Write it anew with `python -m tools.settings_page`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

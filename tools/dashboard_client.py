"""Write web/src/api/schema.d.ts, the types of the dashboard's client, from the API's OpenAPI document.

`make check` runs it before the dashboard's types are checked, so that the pages always fit the API; the file itself is not
committed. Needs the packages of `web/` (make setup installs them).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import orjson

from stretto.api import create_app
from stretto.platform import Platform
from stretto.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
TYPES = WEB / "src" / "api" / "schema.d.ts"


def client_types() -> str:
    """The types, as openapi-typescript writes them."""
    with tempfile.TemporaryDirectory() as folder:
        document, types = Path(folder, "openapi.json"), Path(folder, "schema.d.ts")
        document.write_bytes(orjson.dumps(bare(openapi())))
        generator = WEB / "node_modules" / ".bin" / "openapi-typescript"
        command = [generator, document, "--alphabetize", "--output", types]
        subprocess.run(command, check=True, capture_output=True, text=True)
        return types.read_text(encoding="utf-8")


def bare(value: Any, *, named: bool = False) -> Any:
    """The document without its prose, examples and problems, which types do not need. `named`: the keys are names, not words."""
    if isinstance(value, list):
        return [bare(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    dropped = {"description", "summary", "example", "examples", "title"}
    return {
        key: bare(each, named=key in ("properties", "schemas"))
        for key, each in fields.items()
        if (named or key not in dropped) and not (key[:1] in "45" and "content" in str(each) and key.isdigit())
    }


def openapi() -> object:
    """The document, of a platform that nothing is behind, with the applications of this repository."""
    sys.path.append(str(ROOT / "apps" / "reviews" / "src"))  # whether or not it is installed
    from stretto_reviews.app import make_routers  # noqa: PLC0415 - found only now

    class Unopened:
        settings = Settings()
        telemetry = None
        routers = (make_routers,)
        examples = ()

        def __getattr__(self, name: str) -> None:
            return None

    return create_app(cast("Platform", Unopened())).openapi()


def main() -> int:
    """Write the types."""
    TYPES.write_text(client_types(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

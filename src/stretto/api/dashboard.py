"""The dashboard: one page for all its paths, and the files that `web/` was built into.

The page's address says which part of it is meant; its script asks the API for everything, so it holds no data of anybody.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, Response

from stretto.api.doors import platform_of
from stretto.errors import NotFound

router = APIRouter(include_in_schema=False)

PAGES = ("runs", "flows", "schedules", "reviews", "usage", "fleet", "settings", "apps")
"""The first parts of the paths that are the dashboard's; what follows them is read by its script."""
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
"""Built files are named after their contents."""
FOLDER = Path(str(files("stretto.api"))) / "dashboard"
_KINDS = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_BROTLI = re.compile(r"\bbr\b(?!\s*;\s*q=0(?:\.0*)?(?:\s|,|$))")
"""Whether a client takes Brotli (RFC 9110, 12.5.3)."""
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Stretto</title>
<h1>The dashboard is not built</h1>
<p>This is a checkout in which it was never built. With Node 20.19 or newer, run <code>make setup</code>, then load this page again.</p>
<p>The API works without it: <a href="/docs">its documentation</a>.</p></html>
"""


def shown(request: Request) -> HTMLResponse:
    """The page, allowed to run its own scripts and to talk to this server. Pictures of what is reviewed may come from elsewhere."""
    try:
        template = (FOLDER / "index.html").read_text("utf-8")  # 700 bytes; a new build counts at once
    except FileNotFoundError:
        return HTMLResponse(_NOT_BUILT, 503, {"Content-Security-Policy": "default-src 'none'", "Retry-After": "60"})
    nonce = secrets.token_urlsafe(16)
    policy = "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *scripts_within(template)]),
            f"style-src 'self' 'nonce-{nonce}'",
            "connect-src 'self'",
            "img-src 'self' data: blob: https:",
            "media-src 'self' blob: https:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    login = "yes" if platform_of(request).login is not None else "no"
    page = template.replace("%NONCE%", nonce).replace("%LOGIN%", login)
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def scripts_within(page: str) -> list[str]:
    """What a policy calls the scripts that stand in a page itself: by their digests."""
    digests = (sha256(script.encode()).digest() for script in _INLINE.findall(page))
    return [f"'sha256-{b64encode(digest).decode()}'" for digest in digests]


@router.get("/")
async def start_page(request: Request) -> Response:
    """The first page."""
    return shown(request)


@router.get("/assets/{name}")
async def asset(request: Request, name: Annotated[str, InPath(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]) -> Response:
    """A built file, as it was packed when it was built where the client takes that."""
    file = FOLDER / "assets" / name
    if file.suffix not in _KINDS or not file.is_file():
        raise NotFound("There is no such file. The dashboard was built anew: load the page again.")
    kind = _KINDS[file.suffix]
    packed = file.with_name(f"{name}.br")
    headers = {**FOREVER, "vary": "accept-encoding"}
    if packed.is_file() and _BROTLI.search(request.headers.get("accept-encoding", "")):
        return FileResponse(packed, media_type=kind, headers={**headers, "content-encoding": "br"})
    return FileResponse(file, media_type=kind, headers=headers)


@router.get("/favicon.svg")
async def icon() -> Response:
    """The sign on the browser's tab."""
    return FileResponse(FOLDER / "favicon.svg", media_type=_KINDS[".svg"])


async def _page(request: Request) -> Response:
    return shown(request)


for _name in PAGES:
    router.add_api_route(f"/{_name}", _page, name=f"page_{_name}")
    router.add_api_route(f"/{_name}/{{rest:path}}", _page, name=f"page_in_{_name}")

"""The one page that the server has until the dashboard is built: runs, their voices, and reviews. All of it is in `page.html`."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from stretto.api.doors import PlatformDoor

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(platform: PlatformDoor) -> HTMLResponse:
    """The page, allowed to run its own script and to talk to this server, and nothing else."""
    text, policy = _rendered(platform.gateway.name, platform.gateway.simulated)
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


@cache
def _rendered(provider: str, simulated: bool) -> tuple[str, str]:
    answers = f"Model calls are answered by “{html.escape(provider)}”."
    if simulated:
        answers += " It is simulated: no model is at work, and every text below is made up."
    template = files("stretto.api").joinpath("page.html").read_text("utf-8")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash_of('script', template)}",
            f"style-src {_hash_of('style', template)}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    return template.replace("{{ answers }}", answers), policy


def _hash_of(tag: str, template: str) -> str:
    (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", template, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

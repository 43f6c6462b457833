"""The small page that a browser gets when a login does not come through."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping

from fastapi.responses import HTMLResponse

_STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}"
    "h1{font-size:1.4rem}a{color:inherit}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} · Stretto</title><style>{style}</style></head>
<body><main><h1>{title}</h1><p>{text}</p>{again}</main></body></html>
"""


def login_page(status: int, title: str, text: str, headers: Mapping[str, str], *, again: bool = True) -> HTMLResponse:
    """A page that says what happened, with a link to try again. Runs no script and loads nothing."""
    content = _PAGE.format(
        title=html.escape(title),
        text=html.escape(text),
        style=_STYLE,
        again='<p><a href="/auth/login">Log in again</a></p>' if again else "",
    )
    return HTMLResponse(content, status, {**headers, "Content-Security-Policy": _POLICY})

"""`/docs/errors`: every problem explained, on a page that loads nothing from elsewhere."""

from __future__ import annotations

import html
from functools import cache

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from stretto.api.problems import OTHERS, OURS, known

router = APIRouter(include_in_schema=False)

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@router.get("/docs/errors")
async def errors_page() -> HTMLResponse:
    """All problems by name: status, what happened, and what to do."""
    return HTMLResponse(_page(), headers={"Content-Security-Policy": POLICY})


@cache
def _page() -> str:
    rows = "".join(
        f'<dt id="{name}"><strong>{name}</strong> ({known(name)[0]})</dt><dd>{html.escape(known(name)[1])}</dd>\n'
        for name in sorted({*OURS, *OTHERS})
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Stretto: errors</title>\n'
        "<h1>Errors</h1><p>Every error is a problem document (RFC 9457); its <code>type</code> ends with one of these names."
        f"</p><dl>\n{rows}</dl></html>"
    )

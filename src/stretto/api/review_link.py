"""The page behind a signed link: one review, and buttons to decide it. A GET shows, only a POST decides, so that a mail
scanner that opens every link decides nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from stretto.api.doors import REQUEST_ID, PlatformDoor
from stretto.errors import Invalid, LinkRefused, NotPossible, PreconditionFailed, ReviewNotFound
from stretto.flow.facts import Verdict
from stretto.platform import Platform
from stretto.review import Link, Whole
from stretto.store.acting import acting

router = APIRouter(include_in_schema=False)

MOST_BODY_BYTES = 100_000
MOST_SHOWN_CHARS = 200_000
_VERDICTS: dict[str, Verdict] = {"approve": "approve", "reject": "reject", "changes": "changes"}
_STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:6vh auto;padding:0 1rem}"
    "h1{font-size:1.4rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid;border-radius:.3rem;padding:1rem}"
    "textarea{width:100%;box-sizing:border-box;font:inherit}button{font:inherit;padding:.4rem 1rem;margin-right:.5rem}"
    "dt{font-weight:600}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    # The form must say that it comes from here, which browsers leave out under `no-referrer`.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} · Stretto</title><style>{style}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""
_FORM = """<form method="post"><p><label>Comments<textarea name="comments" rows="4" maxlength="20000"></textarea></label></p>
<p><button name="verdict" value="approve">Approve</button><button name="verdict" value="reject">Reject</button>
<button name="verdict" value="changes">Ask for changes</button></p></form>"""

Token = Annotated[str, Path(max_length=1_000)]


@router.get("/reviews/link/{token}")
async def show_review_link(token: Token, platform: PlatformDoor) -> HTMLResponse:
    """What is to be decided. Changes nothing, however often it is opened."""
    try:
        link, whole = await _linked(platform, token)
    except (LinkRefused, ReviewNotFound) as error:
        return _page(401, "This link does not count", f"<p>{html.escape(error.message)}</p>")
    if whole.review.state != "open":
        return _page(410, "Already decided", f"<p>{html.escape(_outcome(whole))}</p>")
    if whole.review.version != link.version:
        return _changed()
    return _page(200, whole.review.question or "Approve this?", f"{_content(whole)}{_FORM}")


@router.post("/reviews/link/{token}")
async def decide_by_link(token: Token, platform: PlatformDoor, request: Request) -> HTMLResponse:
    """Decide, as whoever made the link allowed."""
    body = await request.body()
    form = parse_qs(body[:MOST_BODY_BYTES].decode(errors="replace").replace("\0", "\ufffd"))
    verdict = _VERDICTS.get(form.get("verdict", [""])[0])
    comments = form.get("comments", [""])[0].replace("\0", "\ufffd")
    if verdict is None or len(body) > MOST_BODY_BYTES or len(comments) > 20_000:
        return _page(422, "That was no decision", "<p>Go back, and choose one of the buttons.</p>")
    try:
        link, _ = await _linked(platform, token)
        address = request.client.host if request.client else ""
        with acting(link.by, str(request.scope.get(REQUEST_ID, "")), address):
            await platform.reviews(link.tenant_id).decide(
                link.review_id, verdict, by=link.by, comments=comments, version=link.version
            )
    except (LinkRefused, ReviewNotFound) as error:
        return _page(401, "This link does not count", f"<p>{html.escape(error.message)}</p>")
    except PreconditionFailed:
        return _changed()
    except Invalid as error:
        status = 409 if isinstance(error, NotPossible) else 422
        return _page(status, "Not decided", f"<p>{html.escape(error.message)}</p>")
    return _page(200, "Thank you", f"<p>Your decision counts: {html.escape(verdict)}.</p>")


async def _linked(platform: Platform, token: str) -> tuple[Link, Whole]:
    """What the link allows, and the review. Raises `LinkRefused`, also when whoever made it might not decide himself any more."""
    link = await platform.links.read(token)
    if not await platform.grantors.may(link.tenant_id, link.grantor, "reviews:decide"):
        raise LinkRefused("Who made this link may decide no longer, so it has ended. Ask somebody else for a new one.")
    return link, await platform.reviews(link.tenant_id).whole(link.review_id)


def _outcome(whole: Whole) -> str:
    review = whole.review
    if review.state == "withdrawn" or review.closed_at is None:
        return "It waits no more: its run ended, or went on without it."
    return f"{review.decided_by} decided `{review.verdict}` at {review.closed_at:%Y-%m-%d %H:%M} UTC."


def _content(whole: Whole) -> str:
    shown = whole.content if isinstance(whole.content, str) else json.dumps(whole.content, indent=2, ensure_ascii=False)
    cut = f"<p>Cut after {MOST_SHOWN_CHARS:,} characters.</p>" if len(shown) > MOST_SHOWN_CHARS else ""
    parts = [f"<pre>{html.escape(shown[:MOST_SHOWN_CHARS])}</pre>{cut}"]
    links = [url for url in whole.media if isinstance(url, str) and url.startswith(("https://", "http://"))]
    parts += [
        f'<p><a rel="noopener noreferrer" href="{html.escape(url)}">{html.escape(url)}</a></p>' for url in links[:50]
    ]
    rows = _reasons(whole)
    if rows:
        parts.append("<dl>" + "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in rows) + "</dl>")
    return "".join(parts)


def _reasons(whole: Whole) -> list[tuple[str, str]]:
    review = whole.review
    rows = [("Flow", f"{review.flow}, step {review.step}")]
    if review.confidence is not None:
        rows.append(("Confidence", f"{review.confidence:.2f} by {review.judge or 'a judge'}"))
    if whole.reasons:
        rows.append(("Because", "; ".join(whole.reasons)))
    if "nothing" in whole.next:
        rows.append(("If nobody decides", whole.next["nothing"]))
    return rows


def _changed() -> HTMLResponse:
    return _page(
        409, "Something has changed", "<p>The review was changed since this link was made. Ask for a new link.</p>"
    )


def _page(status: int, title: str, body: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=html.escape(title), style=_STYLE, body=body), status, HEADERS)

"""`ETag` and `If-Match`: so that nobody overwrites what he has not seen."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from stretto.errors import PreconditionFailed

_TAG = re.compile(r'"r([0-9]{1,9})"')


def set_etag(response: Response, revision: int) -> None:
    """Let an answer name the revision that it shows."""
    response.headers["ETag"] = f'"r{revision}"'


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(max_length=200, description="The `ETag` that was read. What has changed since is left alone."),
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:  # a tag that we never gave names nothing that is there
        raise PreconditionFailed
    return int(found[1])


IfMatch = Annotated[int | None, Depends(_if_match)]
"""The revision that `If-Match` names; None when any will do."""

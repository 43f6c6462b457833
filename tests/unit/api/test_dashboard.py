"""The files that the dashboard was built into, as a browser gets them."""

import base64
import hashlib
from pathlib import Path

import pytest
from fastapi import FastAPI

from stretto.api import dashboard
from stretto.errors import NotFound
from tests.unit.api.asgi import call

SCRIPT = "document.title = 'early'"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a-1.js").write_text("whole")
    (tmp_path / "assets" / "a-1.js.br").write_bytes(b"packed")
    (tmp_path / "assets" / "b-1.css").write_text("never packed")
    (tmp_path / "assets" / "world-1.json").write_text("{}")
    (tmp_path / "assets" / "world-1.json.br").write_bytes(b"packed data")
    (tmp_path / "assets" / "world-1.html").write_text("<p>no page of ours</p>")
    monkeypatch.setattr(dashboard, "FOLDER", tmp_path)
    app = FastAPI()
    app.include_router(dashboard.router)
    return app


@pytest.mark.parametrize(
    ("accepts", "body"),
    [
        ("gzip, deflate, br, zstd", "packed"),
        ("br;q=1.0", "packed"),
        ("gzip", "whole"),
        ("gzip, br;q=0", "whole"),
        ("br; q=0.000, gzip", "whole"),
        ("", "whole"),
    ],
)
async def test_a_file_comes_packed_to_those_who_take_it(app: FastAPI, accepts: str, body: str) -> None:
    answer = await call(app, "GET", "/assets/a-1.js", headers={"accept-encoding": accepts})
    assert answer.body.decode() == body
    assert answer.headers.get("content-encoding") == ("br" if body == "packed" else None)
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_what_was_not_packed_comes_whole(app: FastAPI) -> None:
    answer = await call(app, "GET", "/assets/b-1.css", headers={"accept-encoding": "br"})
    assert (answer.body, answer.headers.get("content-encoding")) == (b"never packed", None)


async def test_data_of_a_page_come_under_their_name_for_ever(app: FastAPI) -> None:
    answer = await call(app, "GET", "/assets/world-1.json", headers={"accept-encoding": "br"})
    assert (answer.body, answer.headers["content-type"]) == (b"packed data", "application/json")
    assert "immutable" in answer.headers["cache-control"]
    assert "max-age=31536000" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["world-1.json.br", "world-1.html", "world-2.json"])
async def test_nothing_else_is_served(app: FastAPI, name: str) -> None:
    with pytest.raises(NotFound):
        await call(app, "GET", f"/assets/{name}")


def test_the_policy_names_the_script_within_the_page_by_its_digest() -> None:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    page = f'<html><script>{SCRIPT}</script><script type="module" src="/assets/a-1.js"></script></html>'
    assert dashboard.scripts_within(page) == [f"'sha256-{digest}'"]
    assert dashboard.scripts_within("<html></html>") == []

"""Reviews over HTTP: two people at once, many at a time, pages, links that only a POST decides, and who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

from stretto.settings import Settings
from tests.e2e.test_access import key_for, server, until
from tests.e2e.wire import Answer, Client

ASKS: dict[str, Any] = {
    "flow": "asks",
    "steps": {"ask": {"review": {"show": "a <b>draft</b>", "question": "Good?", "content_type": "post"}}},
    "output": "{{ ask.verdict }} {{ ask.value }}",
}


async def asked(
    client: Client, count: int = 1, flow: dict[str, Any] = ASKS, headers: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    for _ in range(count):
        assert (await client.post("/v1/runs", {"flow": flow}, **headers)).status == 201
    found = await until(
        lambda it: len(it.json["reviews"]) == count, lambda: client.get("/v1/reviews?limit=200", **headers)
    )
    return found.json["reviews"]


async def test_of_two_people_one_decides_and_the_other_hears_who_and_when(settings: Settings):
    async with server(settings) as (client, platform):
        ann, bob = (await key_for(platform, "reviewer"), await key_for(platform, "admin"))
        starter = await key_for(platform, "operator")
        (review,) = await asked(client, headers=starter)
        door = f"/v1/reviews/{review['id']}"
        whole = await client.get(door, **ann)
        assert (whole.json["content"], whole.headers["etag"]) == ("a <b>draft</b>", '"r1"')
        assert [each["what"] for each in whole.json["history"]] == ["requested"]
        assert "time decides" in whole.json["next"]["nothing"].lower()
        assert (await client.post(f"{door}/decision", {"verdict": "approve"}, **starter)).status == 403
        claimed = await client.post(f"{door}/claim", {}, **ann)
        assert (claimed.status, claimed.headers["etag"]) == (200, '"r2"')
        taken = await client.post(f"{door}/decision", {"verdict": "approve"}, **bob)
        assert (taken.status, taken.json["type"]) == (409, "urn:stretto:error:ReviewClaimed")
        stale = await client.post(f"{door}/decision", {"verdict": "approve"}, if_match='"r1"', **ann)
        assert stale.status == 412
        assert (await client.post(f"{door}/release", {}, **ann)).status == 200
        answers = await asyncio.gather(
            *(client.post(f"{door}/decision", {"verdict": "approve", "value": "x"}, **who) for who in (ann, bob))
        )
        assert sorted(answer.status for answer in answers) == [202, 409]
        refused = next(answer for answer in answers if answer.status == 409)
        assert refused.json["type"] == "urn:stretto:error:ReviewDecided"
        assert "approve by key" in refused.json["detail"]
        done = (await client.get(door, **ann)).json
        assert done["decisions"][0]["diff"]["text"].endswith("-a <b>draft</b>\n+x")
        found = await until(
            lambda it: it.json["status"] == "completed", lambda: client.get(f"/v1/runs/{review['run_id']}", **ann)
        )
        assert found.json["output"] == "approve x"


async def test_pages_many_at_once_and_figures(settings: Settings):
    async with server(settings) as (client, _):
        reviews = await asked(client, 5)
        seen, path = [], "/v1/reviews?limit=2"
        while True:
            page = (await client.get(path)).json
            seen += [each["id"] for each in page["reviews"]]
            if page["next"] is None:
                break
            path = f"/v1/reviews?limit=2&cursor={page['next']}"
        assert seen == [each["id"] for each in reviews]
        assert (await client.get(f"{path}&state=decided")).status == 422
        bulk = await client.post("/v1/reviews/bulk", {"reviews": seen[:2], "verdict": "approve"})
        assert (bulk.json["done"], [each["id"] for each in bulk.json["left"]]) == ([], seen[:2])
        assert "no judge" in bulk.json["left"][0]["reason"]
        door = f"/v1/reviews/{seen[0]}"
        assert (await client.post(f"{door}/assign", {"assignee": "role owner"})).json["assignee"] == "role owner"
        assert [each["id"] for each in (await client.get("/v1/reviews?mine=true")).json["reviews"]] == seen[:1]
        assert (await client.post(f"{door}/snooze", {"until": "2001-01-01T00:00:00Z"})).status == 422
        for _ in range(2):
            again = await client.post(
                f"/v1/reviews/{seen[1]}/decision", {"verdict": "reject"}, idempotency_key="one-decision"
            )
            assert again.status == 202
        figures = (await client.get("/v1/reviews/figures")).json
        assert (figures["waiting"]["open"], figures["decided"]["rejected"]) == (4, 1)
        assert [(each["all"], each["rejected"]) for each in figures["deciders"]] == [(1, 1)]
        later = (await client.get("/v1/reviews/figures?since=2100-01-01T00:00:00Z")).json
        assert (later["waiting"]["open"], later["decided"]["all"], later["deciders"]) == (4, 0, [])
        assert (await client.get("/v1/reviews/figures?since=2100-01-01T00:00:00")).status == 422


async def press(client: Client, path: str, *, origin: str = "", **form: str) -> Answer:
    """What a browser sends when a button of the page is pressed."""
    headers = {"content_type": "application/x-www-form-urlencoded"} | ({"origin": origin} if origin else {})
    return await client.request("POST", path, headers, urlencode(form).encode())


async def test_a_link_shows_by_get_and_decides_by_post_once(settings: Settings):
    async with server(settings) as (client, _):
        (review,) = await asked(client)
        made = await client.post(f"/v1/reviews/{review['id']}/link", {"to": "Ben"})
        assert made.status == 201
        address = urlsplit(made.json["url"])
        path, origin = address.path, f"http://{address.netloc}"
        opened = [await client.get(path) for _ in range(3)]  # a mail scanner opens whatever it finds
        assert [each.status for each in opened] == [200, 200, 200]
        shown = opened[-1]
        text = shown.body.decode()
        assert "a &lt;b&gt;draft&lt;/b&gt;" in text
        assert "<b>" not in text
        assert "<script" not in text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert shown.headers["referrer-policy"] == "same-origin", "else browsers send `Origin: null` with the form"
        assert (await client.get(f"/v1/reviews/{review['id']}")).json["state"] == "open"
        assert (await press(client, path, origin="https://evil.example", verdict="approve")).status == 403
        broken = path[:-5] + ("A" if path[-5] != "A" else "B") + path[-4:]
        assert (await press(client, broken, verdict="approve")).status == 401
        assert (await press(client, path, verdict="dance")).status == 422
        assert (await press(client, path, origin=origin, verdict="approve", comments="Fine.")).status == 200
        assert (await press(client, path, verdict="reject")).status == 409
        assert (await client.get(path)).status == 410
        done = (await client.get(f"/v1/reviews/{review['id']}")).json
        assert (done["decided_by"], done["decisions"][0]["comments"]) == ("link of local for Ben", "Fine.")
        (entry,) = [
            each for each in (await client.get("/v1/audit")).json["entries"] if each["action"] == "review.decided"
        ]
        assert entry["actor"] == "link of local for Ben"


async def test_a_link_ends_when_the_review_changes_and_is_not_made_for_four_eyes(settings: Settings):
    async with server(settings) as (client, _):
        (review,) = await asked(client)
        path = urlsplit((await client.post(f"/v1/reviews/{review['id']}/link", {})).json["url"]).path
        await client.post(f"/v1/reviews/{review['id']}/assign", {"assignee": "ben"})
        assert (await client.get(path)).status == 409
        assert (await press(client, path, verdict="approve")).status == 409
        await client.post(f"/v1/reviews/{review['id']}/decision", {"verdict": "approve"})
        eyes = {"flow": "eyes", "steps": {"ask": {"review": {"show": 1, "question": "?", "four_eyes": True}}}}
        (careful,) = await asked(client, flow=eyes)
        refused = await client.post(f"/v1/reviews/{careful['id']}/link", {})
        assert (refused.status, refused.json["type"]) == (409, "urn:stretto:error:NotPossible")


async def test_a_link_ends_with_the_key_that_made_it(settings: Settings):
    async with server(settings) as (client, platform):
        owner = await key_for(platform, "owner")
        (review,) = await asked(client, headers=owner)
        made: list[tuple[str, str]] = []
        for _ in range(3):
            maker = await key_for(platform, "reviewer")
            link = await client.post(f"/v1/reviews/{review['id']}/link", {}, **maker)
            made.append((maker["authorization"].split("_")[1], urlsplit(link.json["url"]).path))
            assert (await client.get(made[-1][1])).status == 200
        (revoked, ended), (rotated, replaced), (_, stands) = made
        assert (await client.request("DELETE", f"/v1/keys/{revoked}", owner)).status == 204
        for answer in (await client.get(ended), await press(client, ended, verdict="approve")):
            assert (answer.status, b"may decide no longer" in answer.body) == (401, True)
        assert (await client.post(f"/v1/keys/{rotated}/rotate", {"overlap_s": 0}, **owner)).status == 201
        assert (await client.get(replaced)).status == 401
        assert (await client.get(f"/v1/reviews/{review['id']}", **owner)).json["state"] == "open"
        assert (await press(client, stands, verdict="approve")).status == 200

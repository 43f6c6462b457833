"""What only the review engine takes: files of odd bytes and kinds, other lists' cursors, cells that are none, days at the limits, and
the live numbers of another tenant."""

from __future__ import annotations

import asyncio
import itertools
import json
import urllib.parse

import aiohttp

from tests.attack.findings import Findings
from tests.attack.ground import Ground, Json

AT = "/v1/apps/reviews"
FILES: tuple[bytes, ...] = (
    b"",
    b"\n\n\n",
    b"text\n",
    b"\xef\xbb\xbftext,rating\nGood.,5\n",
    b"text\nGood\x00bad\n",
    b'{"text": "a\\u0000b", "title": "\\u0000"}\n{"text": "\\ud800"}\n',
    b"\xff\xfe\x00\x00text\n",
    b'text\n"never closed\n' + b"a," * 5_000,
    b"text," * 20_000 + b"\n" + b"a," * 20_000,
    b"text\n" + b"a" * 1_900_000,
    b"text\n" + b"a" * 3_000_000,
    b"[" * 100_000 + b"\n",
    b'{"text": "a", "text": "b", "rating": 1e999}\n{"text": "a", "rating": NaN}\n',
    b'{"text": "a", "lat": 1e308, "lng": -1e308}\n{"text": "a", "lat": "x", "lng": null}\n',
    b'{"text": "a", "rating": 99999999999999999999999999}\n{"text": "a", "rating": true}\n',
    b'{"text": "a", "date": "0000-00-00"}\n{"text": "b", "date": "9999-12-31T23:59:59-14:00"}\n{"text": "c", "date": "0001-01-01T00:00:00+14:00"}\n',
    b'{"text": "a", "product": {"external_id": {"a": []}}}\n{"text": "a", "customer": []}\n{"text": "a", "customer": {"email": "\\u0000@x"}}\n',
    b'{"text": ["a"], "id": {}}\n[1]\n"text"\nnull\n' + b"1" * 5_000 + b"\n",
    "text,rating,date\n\u202e\ud7ff\uffff,五,٢٠٢٤-01-01\n".encode(),
    b"text;rating\nGood;5\r\rBad;1",
)
KINDS = (
    "text/csv",
    "application/x-ndjson",
    "application/json",
    "multipart/form-data; boundary=a",
    "text/csv; charset=utf-16",
    "",
)
CELLS = (
    "",
    "0",
    "zz",
    "8928308280fffff",
    "85283473fffffff",
    "8f28308280f18f2",
    "801ffffffffffff",
    "ffffffffffffffff",
    "7fffffffffffffff",
    "-1",
    "０",
    "831c00fffffffff",
)
PLACES = ("91,0", "nan,nan", "1e400,0")


async def engine(ground: Ground, findings: Findings) -> None:
    """All of it, by the attacker; nothing of the victim shows or changes."""
    before = await ground.fingerprint()
    await _files(ground, findings)
    await _lists(ground, findings)
    await _bodies(ground, findings)
    await _taken_back(ground, findings)
    await _live(ground, findings)
    after = await ground.fingerprint()
    for table, rows in before.items():
        findings.expect("engine", table, after[table] == rows, f"the victim's rows changed: {rows} -> {after[table]}")


async def _files(ground: Ground, findings: Findings) -> None:
    key = ground.attacker["owner"]
    for (n, file), kind, form in itertools.product(enumerate(FILES), KINDS, ("csv", "jsonl")):
        if n and kind not in KINDS[:2]:
            continue
        answer = await ground.ask(
            "POST", f"{AT}/imports?format={form}&name={n}", key, body=file, headers={"content-type": kind}
        )
        what = f"POST imports, file {n} as {form}, {kind!r}"
        findings.look("engine", what, answer.status, answer.told)
        if answer.status == 202:
            door = f"{AT}/imports/{answer.json['id']}"
            run = await _over(ground, str(answer.json["run_id"]))
            findings.expect("engine", what, run["status"] == "completed", f"its run: {json.dumps(run)[:300]}")
            at = await ground.ask("GET", door, key)
            findings.expect("engine", what, at.json["finished_at"] is not None, f"the import is never over: {at.json}")
            told = await ground.ask("GET", f"{door}/rejects", key)
            findings.look("engine", what, told.status, told.told)


async def _lists(ground: Ground, findings: Findings) -> None:
    key = ground.attacker["owner"]
    lists = (f"{AT}/reviews", f"{AT}/imports", f"{AT}/duplicates", f"{AT}/customers", f"{AT}/actions")
    cursors = {str(answer.json.get("next")) for path in (*lists[:4], "/v1/runs", "/v1/events", "/v1/keys", "/v1/audit")
               if (answer := await ground.ask("GET", f"{path}?limit=1", key)).status == 200}  # fmt: skip
    cursors |= {
        str((await ground.ask("GET", f"{path}?limit=1", ground.victim["owner"])).json["next"]) for path in lists[:4]
    }
    for path, cursor in itertools.product(
        lists, [*cursors, "AAAA", "____", "%00", "MA", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5"]
    ):
        answer = await ground.ask("GET", f"{path}?limit=1&cursor={cursor}", key)
        findings.look("engine", f"GET {path} from {cursor}", answer.status, answer.told)
    asked = [f"reviews?cell={urllib.parse.quote(cell)}" for cell in CELLS]
    asked += [f"overview?days={days}" for days in (0, 1, 3660, 3661, 10**30, -1)]
    asked += [f"map?resolution={each}" for each in (1, 2, 9, 10, 10**30)]
    for word in ("%00", "%ed%a0%80", "%ff", "%f0%9f%98%80"):
        asked += [f"reviews?{name}={word}" for name in ("product", "theme", "source", "cell", "status", "cursor")]
        asked += [f"reviews/{word}", f"imports/{word}", f"imports/{word}/rejects", f"data-sets/{word}"]
        asked += [f"actions?customer_id={word}", f"data-sets/customer_ltv?format={word}"]
    for each in asked:
        answer = await ground.ask("GET", f"{AT}/{each}", key)
        findings.look("engine", f"GET {each}", answer.status, answer.told)


async def _bodies(ground: Ground, findings: Findings) -> None:
    key = ground.attacker["owner"]
    filters: list[object] = [
        {},
        {"stars": {"gte": 1e308}},
        {"day": {"in": []}},
        {"themes": {"eq": ["a"]}},
        {"a" * 5_000: 1},
        {"stars": {"gte": "x"}},
        {"stars": {"\u0000": 1}},
        {"\u0000": 1},
        {"source": {"in": ["\u0000"]}},
        {"stars": {"in": [None, {}, []]}},
        {"stars": {"lt": 10**40}},
        {str(n): n for n in range(500)},
    ]
    bodies: list[Json] = [{"question": "kettle", "filter": each} for each in filters]
    bodies += [
        {"question": each}
        for each in ("", "\u0000", "?" * 4_000, "\ud83d\ude00", "SELECT * FROM reviews; DROP TABLE x")
    ]
    bodies += [{"question": "kettle", "near": {"latitude": 90, "longitude": each}} for each in (180, -180, 0)]
    for path, body in itertools.product(("search", "ask"), bodies):
        answer = await ground.ask("POST", f"{AT}/{path}", key, json=body, most_s=30)
        findings.look("engine", f"POST {path} {str(body)[:80]}", answer.status, answer.told)
    odd: list[Json] = [
        {"created_at": each}
        for each in ("", "0000", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1e9", "\u0000")
    ]
    odd += [
        {"product": each} for each in ({}, {"external_id": "\u0000"}, {"external_id": 10**30}, {"name": "a" * 5_000})
    ]
    odd += [
        {"customer": each} for each in ({}, {"email": "a"}, {"email": "a@b" + "c" * 5_000}, {"email": [], "name": {}})
    ]
    odd += [
        {"title": "\u0000"},
        {"source": "\u0000"},
        {"external_id": "\u0000"},
        {"latitude": 1},
        {"longitude": 180, "latitude": 90},
    ]
    for each in odd:
        answer = await ground.ask(
            "POST", f"{AT}/reviews", key, json={"reviews": [{"text": f"Good {each}"[:500], **each}]}
        )
        findings.look("engine", f"POST reviews {str(each)[:80]}", answer.status, answer.told)
        if answer.status == 202:
            run = await _over(ground, str(answer.json["run_id"]))
            findings.expect(
                "engine", f"POST reviews {str(each)[:80]}", run["status"] == "completed", json.dumps(run)[:300]
            )


async def _taken_back(ground: Ground, findings: Findings) -> None:
    """What the victim has set aside cannot be taken back by the attacker, not even together with what is his own."""
    aside: dict[str, list[str]] = {}
    for whose, key in (("victim", ground.victim["owner"]), ("attacker", ground.attacker["owner"])):
        listed = [(await ground.ask("GET", f"{AT}/reviews?status={each}", key)).json for each in ("duplicate", "spam")]
        aside[whose] = [str(each["id"]) for page in listed for each in page["reviews"]]
    theirs, own = aside["victim"], aside["attacker"]
    findings.expect("engine", "taken-back", bool(theirs and own), "nothing is set aside")
    odd: list[Json] = [{"ids": each} for each in ([], None, "a", [None], ["a"], [theirs[0]] * 101)]
    wanted = [({"ids": theirs}, 404), ({"ids": [*own[:1], *theirs[:1]]}, 404), *((each, 422) for each in odd)]
    for body, status in wanted:
        answer = await ground.ask("POST", f"{AT}/taken-back", ground.attacker["owner"], json=body)
        what = f"POST taken-back {str(body)[:80]}"
        findings.look("engine", what, answer.status, answer.told)
        findings.expect("engine", what, answer.status == status, f"status {answer.status}")


async def _over(ground: Ground, run_id: str) -> Json:
    run: Json = {}
    for _ in range(400):
        run = (await ground.ask("GET", f"/v1/runs/{run_id}", ground.attacker["owner"])).json
        if run["status"] in ("completed", "failed", "cancelled"):
            break
        await asyncio.sleep(0.05)
    return run


async def _live(ground: Ground, findings: Findings) -> None:
    """The numbers of the attacker's own tenant, and none without a key."""
    for key, wanted in ((ground.attacker["viewer"], 101), ("st_x", 401), (None, 401)):
        head = {} if key is None else {"authorization": f"Bearer {key}"}
        status, told = 101, b""
        try:
            async with asyncio.timeout(5), ground.session.ws_connect(f"{ground.url}{AT}/live", headers=head) as socket:
                told = str((await socket.receive()).data).encode()
        except aiohttp.WSServerHandshakeError as error:
            status = error.status
        findings.look("engine", f"WS live as {str(key)[:4]}", status, told)
        findings.expect("engine", "WS live", status == wanted, f"status {status}, not {wanted}")

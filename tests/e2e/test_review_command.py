"""`stretto review`, beside a server that carries the runs on: what decides as a process of its own, the rest in this one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stretto.settings import Settings
from tests.e2e.command import Done, Stretto
from tests.e2e.test_access import server, until
from tests.e2e.test_reviews import asked, press
from tests.e2e.wire import Client

JUDGED: dict[str, Any] = {
    "flow": "judged",
    "input": {"judged": {"type": "object"}, "must": {"type": "boolean", "default": False}},
    "steps": {
        "choice": {
            "branch": [
                {
                    "when": "input.must",
                    "steps": {"must": {"review": {"show": "m", "question": "?", "mandatory": True}}},
                },
                {"steps": {"ask": {"review": {"show": "post", "question": "?", "because": "{{ input.judged }}"}}}},
            ]
        }
    },
}


class Desk:
    """The command, and the server's view of what it did."""

    def __init__(self, stretto: Stretto, client: Client) -> None:
        self._stretto = stretto
        self.client = client

    async def alone(self, *arguments: str | Path) -> Done:
        """How a command ended that was a process of its own."""
        return await asyncio.to_thread(self._stretto, "review", *arguments)

    async def decided(self, *arguments: str | Path) -> str:
        """What such a command wrote that went well."""
        done = await self.alone(*arguments)
        assert done.code == 0, done.err
        return done.out

    async def did(self, *arguments: str | Path) -> str:
        """What a command in this process wrote that went well."""
        done = await asyncio.to_thread(self._stretto.inside, "review", *arguments)
        assert done.code == 0, done.err
        return done.out

    async def refused(self, *arguments: str | Path) -> str:
        """Why a command was refused."""
        done = await asyncio.to_thread(self._stretto.inside, "review", *arguments)
        assert (done.code, done.out) == (2, "")
        return done.err

    async def review(self, review: dict[str, Any]) -> dict[str, Any]:
        return (await self.client.get(f"/v1/reviews/{review['id']}")).json

    async def output(self, review: dict[str, Any]) -> Any:
        """What came of the review's run."""
        run = f"/v1/runs/{review['run_id']}"
        return (await until(lambda it: it.json["status"] == "completed", lambda: self.client.get(run))).json["output"]


async def test_one_edits_asks_for_changes_and_sends_a_link(settings: Settings, stretto: Stretto, tmp_path: Path):
    async with server(settings) as (client, _):
        desk = Desk(stretto, client)
        first, second, third, fourth = await asked(client, 4)
        better = tmp_path / "better.txt"
        better.write_text("much better\n")
        told = await asyncio.gather(
            desk.decided("edit", first["id"], "--value", '{"text": "better"}', "--comment", "shorter"),
            desk.decided("edit", second["id"], "--file", better, "--by", "bo"),
            desk.decided("changes", third["id"], "More verbs, please."),
            desk.decided("link", fourth["id"], "--to", "Ben", "--for", "1h"),
        )
        assert told[0].startswith("approved ask of ")
        assert told[0].endswith(" as edited\n")
        assert told[2] == f"gave back ask of {third['run_id'][-8:]}\n"
        assert await desk.output(first) == 'approve {"text": "better"}'
        assert await desk.output(second) == "approve much better\n"
        assert await desk.output(third) == "changes a <b>draft</b>"
        edited, by_file, back = [await desk.review(each) for each in (first, second, third)]
        assert (edited["decided_by"], edited["decisions"][0]["comments"]) == ("anna", "shorter")
        assert (by_file["decided_by"], by_file["decisions"][0]["value"]) == ("bo", "much better\n")
        assert (back["verdict"], back["decisions"][0]["comments"]) == ("changes", "More verbs, please.")
        address = urlsplit(told[3].strip())
        assert (await press(client, address.path, verdict="reject", comments="No.")).status == 200
        assert (await desk.review(fourth))["decided_by"] == "link of anna for Ben"

        shown, figures = [await desk.did(*each) for each in (("show", second["id"]), ("figures", "--days", "1"))]
        assert "-a <b>draft</b>" in shown
        assert "+much better" in shown
        assert "decided   4 reviews in 1 day, 100% by people" in figures
        assert "waiting   0 reviews" in figures
        file = tmp_path / "none.txt"
        wrong = [("edit",), ("edit", "--value", "{"), ("edit", "--file", file), ("changes", " "), ("link",)]
        problems = [await desk.refused(what, fourth["id"], *more) for what, *more in wrong]
        for word, problem in zip(("--file FILE", "--value", "none.txt"), problems[:3], strict=True):
            assert word in problem
        assert "what should be changed" in problems[3]
        assert "decided already: reject by link of anna" in problems[4]


async def test_one_takes_in_hand_gives_away_and_puts_off(settings: Settings, stretto: Stretto):
    async with server(settings) as (client, _):
        desk = Desk(stretto, client)
        first, second = await asked(client, 2)
        where = f"{first['run_id']}/ask"
        assert "bo has it in hand" in await desk.did("claim", where, "--by", "bo")
        assert "bo has it" in await desk.refused("release", where, "--by", "eve")
        assert await desk.did("release", where, "--by", "bo") == f"{first['id'][-8:]}: released\n"
        assert await desk.did("assign", where, "role admin") == f"{first['id'][-8:]}: assigned to role admin\n"
        assert (await desk.review(first))["assignee"] == "role admin"
        assert "nobody" in await desk.did("assign", where, "-")
        assert "put off until" in await desk.did("snooze", second["id"], "2h")
        listed, everything = await desk.did("list"), await desk.did("list", "--snoozed")
        long = await desk.refused("snooze", second["id"], "31d")
        assert (first["id"][-8:] in listed, second["id"][-8:] in listed) == (True, False)
        assert second["id"][-8:] in everything
        assert "at most 30 days" in long
        found = await desk.review(first)
        assert [each["what"] for each in found["history"]] == [
            "requested",
            "claimed",
            "released",
            "assigned",
            "assigned",
        ]
        assert (found["assignee"], found["claimed_by"]) == (None, None)


async def judged(client: Client, confidence: float, **more: Any) -> dict[str, Any]:
    """A review of something that a judge was so confident of."""
    given = {"judged": {"verdict": "escalate", "confidence": confidence, "judge": "critic"}, **more}
    run = (await client.post("/v1/runs", {"flow": JUDGED, "input": given})).json["id"]
    door = f"/v1/reviews?run_id={run}"
    return (await until(lambda it: len(it.json["reviews"]) == 1, lambda: client.get(door))).json["reviews"][0]


async def test_many_are_decided_after_a_look_and_the_others_left_with_the_reason(settings: Settings, stretto: Stretto):
    async with server(settings) as (client, _):
        desk = Desk(stretto, client)
        sure, surer, doubtful, held = [await judged(client, share) for share in (0.96, 0.99, 0.9, 0.97)]
        must = await judged(client, 0.99, must=True)
        judge_says = {"verdict": "escalate", "confidence": 0.98, "judge": "critic", "mandatory": True}
        careful = await judged(client, 0.98, judged=judge_says)
        await desk.did("claim", held["id"], "--by", "eve")

        silent = await desk.alone("bulk", "approve", "--all-over", "0.95")
        assert silent.code == 2, "nobody can be asked"
        assert "Say --yes" in silent.err
        assert (surer["id"][-8:] in silent.out, doubtful["id"][-8:] in silent.out) == (True, False)
        assert (await desk.review(sure))["state"] == "open"

        done = await desk.alone(
            "bulk", "approve", "--all-over", "0.95", "--yes", "--comment", "All fine.", "--by", "bo"
        )
        assert done.code == 0, done.err
        assert done.out.endswith("approved 2 reviews\n")
        assert f"left {careful['id'][-8:]}: it is mandatory" in done.err
        assert f"left {held['id'][-8:]}: eve has it in hand" in done.err
        assert doubtful["id"][-8:] not in done.out + done.err
        for each in (sure, surer):
            found = await desk.review(each)
            assert (found["decided_by"], found["how"], found["decisions"][0]["comments"]) == ("bo", "bulk", "All fine.")
        assert {(await desk.review(each))["state"] for each in (doubtful, held, must, careful)} == {"open"}

        named = await desk.alone("bulk", "reject", doubtful["id"], must["id"], f"{sure['run_id']}/choice.ask", "-y")
        assert (named.code, named.out.splitlines()[-1]) == (0, "rejected 1 review")
        assert f"left {must['id'][-8:]}: it is mandatory: a person must look at it by itself" in named.err
        assert "it was decided already: approve by bo" in named.err
        assert (await desk.review(doubtful))["verdict"] == "reject"
        assert "Nothing was decided." in await desk.refused("bulk", "approve", must["id"], "--yes")
        for wrong in ((), ("--all-over", "0.9", must["id"]), (must["id"], "--flow", "judged"), ("--all-over", "7")):
            await desk.refused("bulk", "approve", *wrong)


async def test_at_a_terminal_one_is_asked_before_many_are_decided(settings: Settings, stretto: Stretto):
    async with server(settings) as (client, _):
        review = await judged(client, 0.97)

        def answer(key: str) -> tuple[int, str]:
            with stretto.terminal("review", "bulk", "approve", "--all-over", "0.9") as terminal:
                terminal.wait_for("Approve 1 review?")
                terminal.type(f"{key}\n")
                return terminal.end(), terminal.told

        code, told = await asyncio.to_thread(answer, "n")
        assert (code, "Nothing was decided." in told) == (0, True)
        assert (await client.get(f"/v1/reviews/{review['id']}")).json["state"] == "open"
        code, told = await asyncio.to_thread(answer, "y")
        assert (code, "approved 1 review" in told) == (0, True)
        assert (await client.get(f"/v1/reviews/{review['id']}")).json["how"] == "bulk"

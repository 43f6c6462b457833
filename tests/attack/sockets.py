"""WebSockets to the victim's runs: with others' keys, with others' cookies, and from other sites' pages."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.attack.findings import Findings
from tests.attack.ground import Ground

COMMANDS = ("watch", "cancel", "pause")
OPENED = 101


async def try_socket(ground: Ground, run: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Open a run's WebSocket and give commands; tells the status of the handshake and all that came."""
    told = b""
    try:
        async with (
            asyncio.timeout(5),
            ground.session.ws_connect(f"{ground.url}/v1/runs/{run}/control", headers=headers) as socket,
        ):
            for command in COMMANDS:
                await socket.send_json(
                    {"id": command, "command": command} | ({"after": None} if command == "watch" else {})
                )
            async with asyncio.timeout(0.5):
                async for message in socket:
                    told += str(message.data).encode()
    except aiohttp.WSServerHandshakeError as error:
        return error.status, told
    except (TimeoutError, aiohttp.ClientError):
        pass
    return OPENED, told


async def by_keys(ground: Ground, findings: Findings) -> None:
    """With the attacker's key, with none, and with one that does not count."""
    for run in ground.ids["run_id"]:
        for headers, wanted in (
            ({"authorization": f"Bearer {ground.attacker['owner']}"}, 404),
            ({}, 401),
            ({"authorization": "Bearer st_x"}, 401),
        ):
            await refused(ground, findings, run, headers, wanted)


async def by_cookies(ground: Ground, findings: Findings, cookie: str, attackers: str) -> None:
    """A browser sends a session's cookie along whoever's page opens the socket: its `Origin` decides. No other session counts."""
    origin = {"origin": ground.url}
    mine, theirs = {"cookie": f"stretto={cookie}"}, {"cookie": f"stretto={attackers}"}
    run = ground.ids["run_id"][1]
    async with ground.session.ws_connect(f"{ground.url}/v1/runs/{run}/control", headers=mine | origin) as socket:
        await socket.send_json({"id": 1, "command": "watch", "after": None})
        async with asyncio.timeout(5):
            told = str((await socket.receive()).data)
    findings.expect("sockets", "control", '"done"' in told, f"the victim's own page watches nothing: {told[:200]}")
    host = ground.url.partition("://")[2]
    forgeries: list[tuple[dict[str, str], int]] = [(mine, 403)]
    forgeries += [
        (mine | {"origin": each}, 403)
        for each in (
            *(
                "https://evil.example",
                "null",
                "",
                "file://",
                f"{ground.url}.evil.example",
                f"http://evil.example/{host}",
            ),
            *(f"http://{host}@evil.example", ground.url.rpartition(":")[0], f"{ground.url}1", f"ftp://{host}"),
        )
    ]
    forgeries += [(mine | origin | {"sec-fetch-site": each}, 403) for each in ("cross-site", "same-site", "Cross-Site")]
    forgeries += [(theirs | origin, 404), (theirs | origin | {"x-stretto-tenant": "victim"}, 403)]
    forgeries += [
        ({"cookie": f"stretto={value}"} | origin, 401)
        for value in ("", "0" * 64, cookie[:-1], f"{cookie}0", f'"{cookie}')
    ]
    forgeries += [({"cookie": f"other={cookie}"} | origin, 401)]
    for headers, wanted in forgeries:
        await refused(ground, findings, run, headers, wanted)


async def refused(ground: Ground, findings: Findings, run: str, headers: dict[str, str], wanted: int) -> None:
    """The socket does not even open."""
    status, told = await try_socket(ground, run, headers)
    shown = {name: value[:40] for name, value in headers.items()}
    what = f"WS {run} with {shown}"
    findings.look("sockets", what, status, told)
    findings.expect("sockets", what, status == wanted, f"status {status}, not {wanted}")

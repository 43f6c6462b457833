"""Attack a server of one's own: `make attack`, or `python -m tests.attack [words …]` for some of the attacks."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.attack.browsers import browsers
from tests.attack.crossing import cross
from tests.attack.engine import engine
from tests.attack.findings import Findings
from tests.attack.ground import prepared
from tests.attack.replays import replays
from tests.attack.rights import lesser_roles, no_credentials
from tests.attack.rough import raw, slow
from tests.attack.routes import routes_of
from tests.attack.words import words

ATTACKS = ("crossing", "roles", "credentials", "browsers", "replays", "words", "engine", "rough")


async def attack(chosen: tuple[str, ...] = ATTACKS) -> Findings:
    """Carry the attacks out, each on the same ground; gives what was found."""
    async with prepared() as ground:
        findings = Findings(ground.canary)
        routes = routes_of(ground.platform)
        for name in chosen:
            began = time.monotonic()
            match name:
                case "crossing":
                    await cross(ground, routes, findings)
                case "roles":
                    await lesser_roles(ground, routes, findings)
                case "credentials":
                    await no_credentials(ground, routes, findings)
                case "browsers":
                    await browsers(ground, routes, findings)
                case "replays":
                    await replays(ground, findings)
                case "words":
                    await words(ground, routes, findings)
                case "engine":
                    await engine(ground, findings)
                case "rough":
                    await raw(ground, findings)
                    await slow(ground, findings)
                case _:
                    raise SystemExit(f"There is no attack {name!r}. Attacks are {', '.join(ATTACKS)}.")
            print(f"attack: {name} took {time.monotonic() - began:.0f} s", flush=True)
    return findings


def main() -> int:
    """Attack, and tell what was found."""
    findings = asyncio.run(attack(tuple(sys.argv[1:]) or ATTACKS))
    print(findings.report())
    return 1 if findings.bad else 0


if __name__ == "__main__":
    sys.exit(main())

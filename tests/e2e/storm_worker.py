"""A process that carries runs out and serves nobody, for the storm; it ends when its standard input does.

Its model is the simulated provider; a share of its calls breaks off in the middle, so that text is taken back.
"""

import asyncio
import sys

from stretto.gateway.simulated import SimulatedProvider
from stretto.platform import Platform
from stretto.settings import load_settings


async def main(tokens_per_s: float, tokens: int) -> None:
    provider = SimulatedProvider(1, 0.05, tokens_per_s, error_rate=0.3, answer_tokens=(tokens // 2, tokens))
    async with Platform.open(load_settings(), provider=provider):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(float(sys.argv[1]), int(sys.argv[2])))

"""`stretto sim`: a server that speaks as OpenAI and Anthropic do, and has no model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async
from stretto.errors import SettingsInvalid

if TYPE_CHECKING:
    from stretto.gateway.simulated.server import SimOptions
    from stretto.gateway.simulated.wire_faults import Kind

SIM_PORT = 8701
EXAMPLE = '{"model": "any", "stream": true, "messages": [{"role": "user", "content": "Write about tides."}]}'


def sim(  # noqa: PLR0913, PLR0917 - each option is one
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any free one.")] = SIM_PORT,
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    ttft: Annotated[float, typer.Option("--ttft", metavar="S", min=0, help="Seconds to the first token.")] = 0.2,
    speed: Annotated[float, typer.Option("--speed", metavar="N", min=0.001, help="Tokens per second.")] = 60.0,
    jitter: Annotated[
        float, typer.Option("--jitter", metavar="SHARE", min=0, max=1, help="How much --ttft and --speed vary (0-1).")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the text.")] = 0,
    tokens: Annotated[
        str, typer.Option("--tokens", metavar="MIN-MAX", help="Length of a free answer in tokens.")
    ] = "120-360",
    rpm: Annotated[
        float | None, typer.Option("--rpm", metavar="N", min=1, help="Requests a minute and key; then 429.")
    ] = None,
    tpm: Annotated[
        float | None, typer.Option("--tpm", metavar="N", min=1, help="Tokens a minute and key; then 429.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND=SHARE", help="Let this share of requests fail; cut, stall, status …"),
    ] = None,
    cassette: Annotated[
        Path | None, typer.Option("--cassette", metavar="FILE", help="Recorded replies, one JSON object a line.")
    ] = None,
) -> Exit:
    """Serve a simulated provider in both dialects.

    For load, demos and faults. Every answer says in its `model` field that it is simulated. A request may order its
    own failure with the header `x-sim-fault: cut; after=5`.
    """
    from stretto.gateway.simulated.cassette import Cassette
    from stretto.gateway.simulated.server import SimOptions

    options = SimOptions(
        seed=seed,
        ttft_s=ttft,
        tokens_per_s=speed,
        jitter=jitter,
        answer_tokens=bounds_of(tokens),
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        fault_rates=rates_of(fault or []),
        cassette=None if cassette is None else Cassette.load(cassette),
    )
    return run_async(_serve(options, host, port))


async def _serve(options: SimOptions, host: str, port: int) -> Exit:
    from stretto.cli.interrupts import on_interrupts
    from stretto.gateway.simulated.server import SimServer

    ended = asyncio.Event()
    with on_interrupts(lambda _: ended.set()):
        try:
            async with SimServer(options).serving(host, port) as url:
                print(
                    f"ready at {url} · simulated · OPENAI_BASE_URL={url} ANTHROPIC_BASE_URL={url.removesuffix('/v1')} · "
                    f"try: curl {url}/chat/completions -d '{EXAMPLE}'",
                    flush=True,
                )
                await ended.wait()
        except OSError as error:
            raise SettingsInvalid(f"Cannot listen on {host}:{port}: {error}. Choose another with --port.") from None
    return Exit.DONE


def bounds_of(text: str) -> tuple[int, int]:
    """The least and the most of `120-360`. Raises `SettingsInvalid`."""
    least, _, most = text.partition("-")
    if least.isdecimal() and (most or least).isdecimal() and 0 < int(least) <= int(most or least):
        return int(least), int(most or least)
    raise SettingsInvalid(f"--tokens is {text!r}. Write it like 120-360.")


def rates_of(texts: list[str]) -> dict[Kind, float]:
    """The share of each kind of fault. Raises `SettingsInvalid`."""
    from stretto.gateway.simulated.wire_faults import KINDS

    by_name: dict[str, Kind] = {each: each for each in KINDS}
    rates: dict[Kind, float] = {}
    for text in texts:
        name, _, share = text.partition("=")
        kind = by_name.get(name)
        try:
            rate = float(share)
        except ValueError:
            rate = -1.0
        if kind is None or not 0 <= rate <= 1:
            raise SettingsInvalid(f"--fault is {text!r}. Write it like cut=0.05; the kinds are {', '.join(KINDS)}.")
        rates[kind] = rate
    if sum(rates.values()) > 1:
        raise SettingsInvalid("The shares of all --fault are more than 1 together.")
    return rates

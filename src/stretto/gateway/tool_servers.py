"""Servers of tools as frozen records: what `mcp:` in `stretto.yaml` says once it is read.

They stand with the gateway's configuration since one file says both; `tools/mcp/` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

EffectWord = Literal["reads", "writes", "spends"]
AMOUNT = "amount_usd"
"""The argument that says how much a call spends, unless something else is said."""

ASK_S = 600.0
"""So long a call waits for a person, unless something else is said."""


Grant = Literal["client_credentials", "authorization_code"]
ClientAuth = Literal["client_secret_basic", "client_secret_post"]
REDIRECT = "http://127.0.0.1:8704/callback"
"""Where `stretto tools login` waits for the person to come back, unless something else is said."""


@dataclass(frozen=True, slots=True)
class OAuth:
    """How to log in at a server: as a machine (`client_credentials`), or as a person did (`authorization_code`).

    `client_secret` is a name under the server's `secrets`. A `client_id` that is an address is a client metadata document; none at
    all lets us register ourselves. Credentials go to `issuer` alone.
    """

    grant: Grant
    client_id: str = ""
    client_secret: str = ""
    client_auth: ClientAuth = "client_secret_basic"
    issuer: str = ""
    scope: str = ""
    redirect: str = REDIRECT


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A server of tools that speaks MCP: a program with its words (`command`), or an address (`url`).

    `secrets` tells under which name the server gets a secret, and where that is (`env:NAME`, `sealed:NAME`): a program gets it
    as an environment variable, in `headers` it stands as `${NAME}`. `allow` and the keys of `effects` are patterns of the server's
    own names of its tools; of `effects`, the first that fits counts.
    """

    name: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    allow: tuple[str, ...] = ("*",)
    effects: Mapping[str, EffectWord] = field(default_factory=dict[str, EffectWord])
    amounts: Mapping[str, str] = field(default_factory=dict[str, str])
    """For what spends, by the same patterns: the argument that says how much, in US dollars."""
    timeout_s: float = 60.0
    per_tenant: bool = True
    """Each tenant has a process (or session) of its own."""
    oauth: OAuth | None = None
    sampling: str = ""
    """The route that answers when the server asks for a model; empty: none does."""
    elicitation_s: float = ASK_S
    """So long a person has to answer what the server asks in the middle of a call; 0: nobody is asked."""
    one_at_a_time: bool = False
    """Somebody has said that its questions matter: an older server, which does not say for which call it asks, gets one at a time."""

    def allows(self, tool: str) -> bool:
        """Whether this tool may be seen and called."""
        return any(fnmatchcase(tool, pattern) for pattern in self.allow)

    def effects_of(self, tool: str, otherwise: EffectWord) -> EffectWord:
        """What a call of this tool changes outside."""
        for pattern, word in self.effects.items():
            if fnmatchcase(tool, pattern):
                return word
        return otherwise

    def amount_of(self, tool: str) -> str:
        """The argument that says how much a call of this tool spends."""
        return next((name for pattern, name in self.amounts.items() if fnmatchcase(tool, pattern)), AMOUNT)

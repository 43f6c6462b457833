"""One settings class; each field reads the environment variable `STRETTO_<NAME>`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from stretto.errors import SettingsInvalid


class Settings(BaseSettings):
    """How this process works. Times are in seconds, sizes in the unit that the name gives."""

    model_config = SettingsConfigDict(env_prefix="STRETTO_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("~/.stretto"), description="Folder for all data.")
    config: Path | None = Field(
        default=None, description="The gateway's configuration; else `stretto.yaml` here, else in `STRETTO_HOME`."
    )
    database_url: str | None = Field(default=None, description="A PostgreSQL of one's own (15 or newer).")
    postgres_port: int = Field(default=0, ge=0, le=65535, description="TCP port of the embedded server; 0: any free.")
    host: str = Field(default="127.0.0.1", description="Address that `stretto up` listens on.")
    auth: Literal["local", "required"] = Field(
        default="local",
        description="`local`: who comes from this machine is its owner, and nobody else is served; `required`: everybody "
        "shows a key, a token or a session.",
    )
    public_url: str | None = Field(
        default=None, description="Address by which people reach this server, such as `https://stretto.example.org`."
    )
    port: int = Field(default=8700, ge=0, le=65535, description="Port that `stretto up` listens on.")
    oidc_issuer: str | None = Field(
        default=None, description="OIDC: the identity provider's issuer, exactly as its tokens name it."
    )
    oidc_client_id: str | None = Field(default=None, description="OIDC: this server's client id, for logging in.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="OIDC: the client's secret, if it has one.")
    oidc_audience: str | None = Field(default=None, description="OIDC: audience of tokens; default: the client id.")
    oidc_algorithms: list[str] = Field(default=["RS256", "ES256"], description="OIDC: signatures that count.")
    oidc_scopes: str = Field(default="openid email profile", description="OIDC: what is asked for when logging in.")
    jwt_secret: SecretStr | None = Field(
        default=None, description="Secret of HS256 tokens such as Supabase's; at least 32 bytes."
    )
    jwt_issuer: str | None = Field(
        default=None, description="Issuer of HS256 tokens, such as `https://PROJECT.supabase.co/auth/v1`."
    )
    jwt_audience: str = Field(default="authenticated", description="Audience of HS256 tokens.")
    tenant_claim: str = Field(
        default="stretto_tenant",
        description="Claim that names the tenant; dots lead inside, as in `app_metadata.tenant`.",
    )
    role_claim: str = Field(default="stretto_role", description="Claim that names the role, or holds a list of names.")
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port for metrics of this process alone, for `stretto worker`; 0: none."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of that port.")
    metrics_token: SecretStr | None = Field(
        default=None, description="Bearer token by which a scraper reads `/metrics` where everybody shows who he is."
    )
    request_limit: str = Field(
        default="6000/minute",
        description="Requests of one tenant, over all processes; rates joined by `;`, or `none`. "
        "`stretto tenant quota` sets another for one tenant.",
    )
    key_request_limit: str = Field(default="none", description="Requests of one key, likewise.")
    address_limit: str = Field(
        default="60/minute",
        description="Attempts without credentials that count, of one client address and process; or `none`.",
    )
    trace_content: bool = Field(default=False, description="Put what steps wrote into traces (redacted, cut short).")
    trace_ratio: float = Field(default=1.0, ge=0, le=1, description="Share of runs whose traces are exported.")

    concurrent_runs: int = Field(default=200, ge=1, description="Runs carried out at once by one worker process.")
    concurrent_steps: int = Field(default=1000, ge=1, description="Steps of one run at work at once.")
    heartbeat_s: float = Field(default=1.5, gt=0, description="How often a worker says that it lives.")
    lease_s: float = Field(default=5.0, gt=0, description="Silence after which a worker's runs go to others.")
    sweep_s: float = Field(default=1.0, gt=0, description="How often due timers and dead workers are looked for.")
    flush_s: float = Field(default=0.05, gt=0, le=0.05, description="Longest time that streamed text waits for disk.")
    linger_s: float = Field(default=2.0, ge=0, description="A wait up to this long keeps the run in memory.")
    pool_size: int = Field(default=8, ge=2, description="Database connections of one process.")

    streams: int = Field(default=4000, ge=1, description="Streams and WebSockets that one process serves at once.")
    tenant_streams: int = Field(default=1000, ge=1, description="Of these, most of one tenant.")
    stream_stall_s: float = Field(
        default=60.0,
        gt=0,
        description="A client of a stream that reads nothing for so long is cut off; it can come back.",
    )

    max_output_bytes: int = Field(default=1_048_576, ge=1024, description="Largest output of a step that is not text.")
    max_text_chars: int = Field(default=4_000_000, ge=1000, description="Longest text of one step.")
    max_map_items: int = Field(default=10_000, ge=1, description="Most items of one map or tasks of one plan.")
    retention_days: int = Field(default=90, ge=1, description="Days for which finished runs are kept.")
    event_retention_days: int = Field(default=14, ge=1, description="Days for which events are kept.")
    state_versions: int = Field(
        default=100, ge=1, description="Versions of each document of the shared state that are kept."
    )
    state_rules: dict[str, Literal["replace", "merge", "append", "counter", "set_union", "max"]] = Field(
        default_factory=dict[str, Any],
        description="How two changes of one document come together, by the beginning of its key, as JSON: "
        '`{"stats/": "counter"}`; the longest that fits counts, else `replace`.',
    )
    memory_model: str = Field(
        default="", description="The route that makes the vectors of memory; empty: all-MiniLM-L6-v2 on this machine."
    )
    memory_dimensions: int = Field(default=384, ge=1, le=4000, description="How many numbers these vectors have.")
    memory_qdrant_url: str | None = Field(
        default=None, description="A Qdrant server that searches the vectors of memory; else PostgreSQL does."
    )
    memory_qdrant_key: SecretStr | None = Field(default=None, description="The key of that server, if it wants one.")
    webhook_allow_private: bool = Field(
        default=False, description="Let webhooks go to addresses of private networks and of this machine, too."
    )
    events_url: str | None = Field(
        default=None, description="What carries events to their readers: redis://host:port/db; else PostgreSQL alone."
    )

    sim_ttft_s: float = Field(default=0.2, ge=0, description="Simulated provider: time to the first token.")
    sim_tokens_per_s: float = Field(default=60.0, gt=0, description="Simulated provider: tokens per second.")
    sim_seed: int = Field(default=0, description="Simulated provider: seed of its text.")

    @property
    def home_path(self) -> Path:
        """The data folder as an absolute path."""
        return self.home.expanduser().resolve()


def load_settings(**changes: object) -> Settings:
    """Read the settings from the environment; `changes` override single fields.

    Raises `SettingsInvalid`, naming each environment variable that cannot be used.
    """
    try:
        return Settings(**changes)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        lines = [
            f"STRETTO_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']} (got {e['input']!r})" for e in error.errors()
        ]
        raise SettingsInvalid(
            "These settings cannot be used; correct them and start again.\n" + "\n".join(lines)
        ) from None

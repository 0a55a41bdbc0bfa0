"""Every setting of Hitherto, and the only reader of the environment.

Each field can be given as an argument or as an environment variable of the same name with the
prefix `HITHERTO_`. A setting exists only where somebody must be able to change it; everything else
is a constant next to the code that uses it.
"""

import contextlib
import unicodedata
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

MAX_TOKENS_PER_DAY = 10**15
MAX_USD_PER_DAY = 1_000_000_000.0
"""So that billionths of a dollar fit into 64 bits."""

OverBudget = Literal["local", "wait"]
"""Members of `models.OverBudget`, repeated because the settings are a layer below the models."""


class Price(BaseModel):
    """Price of a model in US dollars per million tokens.

    input, output: of tokens sent and answered. cached: of those sent that the provider had kept;
    None is as `input`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, le=1_000_000)
    output: float = Field(ge=0, le=1_000_000)
    cached: float | None = Field(default=None, ge=0, le=1_000_000)


def checked_base_url(url: str, name: str) -> str:
    """Return the address of an API without a slash at its end.

    name: of the setting, with `_base_url` at its end. Raises ValueError for what is no address of
    a server, and for one that holds a user name, a password or a query; the message shows no part
    of it.
    """
    plain = unicodedata.normalize("NFKC", url)
    if "@" in plain or "%40" in plain:
        key = f"HITHERTO_{name.removesuffix('_base_url').upper()}_API_KEY"
        raise ValueError(f"{name} holds a user name or a password; give the key as {key}")
    if not plain.lower().startswith(("http://", "https://")):
        raise ValueError(f"{name} is not an address of a server; it begins with https://")
    parts, has_host = urlsplit(""), False
    with contextlib.suppress(ValueError):
        parts = urlsplit(plain)
        has_host = bool(parts.hostname) and parts.port != 0
    if not has_host or "\\" in url or any(char.isspace() or ord(char) < 32 for char in url):
        raise ValueError(f"{name} is not an address of a server; it is like https://host/v1")
    if parts.query or parts.fragment:
        raise ValueError(f"{name} has a query or a fragment; give the address up to its path")
    return url.rstrip("/")


class Settings(BaseSettings):
    """Settings, from arguments or the environment."""

    model_config = SettingsConfigDict(
        env_prefix="HITHERTO_",
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        # What is given may be a key or a password in the wrong place.
        hide_input_in_errors=True,
    )

    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("hitherto")),
        description="Folder for the embedding graph, which is built once per machine.",
    )
    weights_dir: Path | None = Field(
        default=None,
        description="Folder with `model.safetensors` and `tokenizer.json`; looked at first.",
    )
    allow_network: bool = Field(
        default=False,
        description="Whether missing weights may be downloaded (pinned revision, hash checked).",
    )
    embedder: str = Field(
        default="local",
        description="Embedder: `local`, or `openai:MODEL` or `ollama:MODEL`, asked over HTTP.",
    )
    embedder_base_url: str | None = Field(
        default=None,
        description="Address of the embedder's API; with `openai`, any OpenAI-compatible server.",
    )
    embedder_api_key: SecretStr | None = Field(
        default=None, description="Key that is sent to the embedder's API."
    )
    embedder_timeout_s: float = Field(
        default=2.0,
        gt=0,
        description="Seconds for embedding a question over HTTP; then its words alone are used.",
    )
    next_embedder: str | None = Field(
        default=None,
        description="Embedder that a running process changes to when `hitherto reembed` does.",
    )
    max_message_chars: int = Field(
        default=262_144, ge=1, description="Longest message accepted, in characters."
    )
    max_metadata_bytes: int = Field(
        default=65_536, ge=2, description="Largest metadata object accepted, in bytes of JSON."
    )
    lease_s: float = Field(
        default=20.0,
        gt=0,
        description="Seconds after which a session in work counts as abandoned unless renewed.",
    )
    worker: bool = Field(
        default=True,
        description="Whether this process turns sessions into memories and sends webhooks, or "
        "leaves that to others.",
    )
    worker_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Sessions of different users of one project that a worker processes at once, "
        "in addition to up to three of other projects; none is 8 where a language model reads "
        "sessions, and 1 where rules do.",
    )
    max_failures: int = Field(
        default=3, ge=1, description="Failed tries after which a session is set to FAILED."
    )
    processing_timeout_s: float | None = Field(
        default=None,
        gt=0,
        description="Seconds that processing a session may take before the try counts as failed; "
        "none is 600 by rules, and 3,600 where a language model is set.",
    )
    max_starts: int = Field(
        default=3,
        ge=1,
        description="Starts that never finished, because the worker was killed, after which a "
        "session is set to FAILED.",
    )
    retry_delay_s: float = Field(
        default=2.0, ge=0, description="Seconds before the first retry; doubled for each further."
    )
    poll_interval_s: float = Field(
        default=1.0,
        gt=0,
        description="Seconds between looks for sessions that another process has made due.",
    )
    close_timeout_s: float = Field(
        default=10.0,
        ge=0,
        description="Seconds that `close()` waits for the session in work before releasing it.",
    )
    webhook_timeout_s: float = Field(
        default=10.0, gt=0, le=60, description="Seconds that a webhook has for its answer."
    )
    webhook_private_targets: bool = Field(
        default=False,
        description="Whether webhooks may go to addresses that are not public: of this machine, of "
        "its networks, of a cloud's metadata. A service that listens on this machine only may "
        "always send to it.",
    )
    working_set_mb: int = Field(
        default=1024,
        ge=16,
        description="Megabytes of users' vectors and terms kept in memory; the oldest go first.",
    )
    model: str | None = Field(
        default=None,
        description="Language model, as `provider:name`; none is the local inference by rules.",
    )
    model_base_url: str | None = Field(
        default=None,
        description="Address of the models' API; with `openai`, any OpenAI-compatible server.",
    )
    model_api_key: SecretStr | None = Field(
        default=None,
        description="Key of the models' provider, in place of the provider's own variable.",
    )
    model_extraction: str | None = Field(
        default=None,
        description="Model for memories and summaries; `local` is none. None is `model`.",
    )
    model_reconciliation: str | None = Field(
        default=None,
        description="Model that weighs new memories; `local` is none. None is `model`.",
    )
    model_planning: str | None = Field(
        default=None,
        description="Model that plans a question's searches; `local` is none. None is `model`.",
    )
    model_exploring: str | None = Field(
        default=None,
        description="Model that explores for AGENTIC; `local` is none. None is `model`.",
    )
    fallback_model: str | None = Field(
        default=None, description="Model that is asked where another one fails."
    )
    model_timeout_s: float = Field(
        default=90.0, gt=0, description="Seconds that a model may take for one answer."
    )
    model_concurrency: int = Field(
        default=8, ge=1, description="Requests to one provider that are under way at once."
    )
    model_retries: int = Field(
        default=2,
        ge=0,
        description="Further tries after a rate limit, an overload or a lost connection.",
    )
    plan_deadline_s: float = Field(
        default=1.5,
        gt=0,
        le=10,
        description="Seconds that a model may take to plan a search; then the rules' plan is used.",
    )
    explore_deadline_s: float = Field(
        default=20.0,
        gt=0,
        le=28,
        description="Seconds that an exploring agent may take; then the rules' search is used.",
    )
    prices: dict[str, Price] = Field(
        default={},
        description="Prices by `provider:name`, or `host:name` for an address of your own, as a "
        "JSON object of objects with `input`, `output` and perhaps `cached`, in US dollars per "
        "million tokens; they go before the published.",
    )
    project_tokens_per_day: int | None = Field(
        default=None,
        ge=0,
        le=MAX_TOKENS_PER_DAY,
        description="Tokens that the models may take for a project in a UTC day, unless it has a "
        "budget of its own; none is no limit, here and below.",
    )
    project_usd_per_day: float | None = Field(
        default=None,
        ge=0,
        le=MAX_USD_PER_DAY,
        description="US dollars that they may cost a project in a UTC day.",
    )
    user_tokens_per_day: int | None = Field(
        default=None,
        ge=0,
        le=MAX_TOKENS_PER_DAY,
        description="Tokens that they may take for one user in a UTC day.",
    )
    user_usd_per_day: float | None = Field(
        default=None,
        ge=0,
        le=MAX_USD_PER_DAY,
        description="US dollars that they may cost for one user in a UTC day.",
    )
    model_calls_kept_days: int = Field(
        default=400,
        ge=1,
        description="Days for which the ledger keeps each call of a model; sums are kept for good.",
    )
    over_budget: OverBudget = Field(
        default="local",
        description="What happens to a session when a budget is spent: `local` processes it by "
        "rules, `wait` sets it to INSUFFICIENT_BALANCE until the budget allows it.",
    )
    db: str = Field(
        repr=False,
        default_factory=lambda: str(Path(platformdirs.user_data_dir("hitherto")) / "memory.db"),
        description="Path or address of the database, for the command line.",
    )
    db_connections: int = Field(
        default=8,
        ge=2,
        le=1000,
        description="Connections to a PostgreSQL server that a process has at most; half of them "
        "read.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the service listens on.")
    port: int = Field(
        default=8000, ge=0, le=65_535, description="Port that the service listens on; 0 for any."
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins whose web pages may call the service from a browser, as a JSON list.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Names and addresses that requests may have in their `Host` header, as a JSON "
        'list; `"*.example.com"` stands for all names below, `"*"` for any. Without it, any where '
        "other machines reach the service, else `localhost`, `127.0.0.1`, `[::1]` and `host`.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses and networks of proxies whose `X-Forwarded-For` is believed, as a "
        "JSON list.",
    )
    max_connections: int = Field(
        default=2000,
        ge=8,
        le=100_000,
        description="Open connections; fewer where the limit of open files allows no more.",
    )
    max_connections_per_address: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Open connections of one address, at most half of all; `trusted_proxies` may "
        "have more.",
    )
    max_body_bytes: int = Field(
        default=4_194_304, ge=1024, description="Largest body of a request, in bytes."
    )
    rate_limit_per_minute: int | None = Field(
        default=None, ge=1, description="Requests per minute and key; none is no limit."
    )
    max_concurrent_requests: int = Field(
        default=64,
        ge=1,
        description="Requests worked on at once; sixteen times as many may wait for their turn.",
    )
    shutdown_timeout_s: int = Field(
        default=5,
        ge=1,
        description="Seconds that a stopping service waits for the requests it is working on.",
    )
    log_requests: bool = Field(
        default=False, description="Whether the service logs a line per request."
    )
    stream_ping_s: float = Field(
        default=8.0,
        gt=0,
        le=10,
        description="Seconds of silence after which a stream sends a comment, to be kept open.",
    )

    @field_validator("embedder_base_url", "model_base_url")
    @classmethod
    def _check_base_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        return checked_base_url(value, str(info.field_name)) if value else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of settings, the first of which holds: arguments, environment."""
        return init_settings, env_settings

    def secrets(self) -> tuple[str, ...]:
        """Return all keys, which nothing that leaves the process may hold."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))

    @field_validator("trusted_proxies")
    @classmethod
    def _require_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks

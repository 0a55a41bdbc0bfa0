"""Every setting of Recollect, and the only reader of the environment.

Each field can be given as an argument or as an environment variable of the same name with the
prefix `RECOLLECT_`. A setting exists only where somebody must be able to change it; everything else
is a constant beside the code that uses it.
"""

from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What can be changed without changing code."""

    model_config = SettingsConfigDict(env_prefix="RECOLLECT_", frozen=True, extra="forbid")

    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("recollect")),
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
    max_failures: int = Field(
        default=3, ge=1, description="Failed tries after which a session is set to FAILED."
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
    working_set_mb: int = Field(
        default=1024,
        ge=16,
        description="Megabytes of users' vectors and terms kept in memory; the oldest go first.",
    )
    db: str = Field(
        default_factory=lambda: str(Path(platformdirs.user_data_dir("recollect")) / "memory.db"),
        description="Path or address of the database, for the command line.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the service listens on.")
    port: int = Field(
        default=8000, ge=0, le=65_535, description="Port that the service listens on; 0 for any."
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins whose web pages may call the service from a browser, as a JSON list.",
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

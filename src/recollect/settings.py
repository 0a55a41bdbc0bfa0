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
    working_set_mb: int = Field(
        default=1024,
        ge=16,
        description="Megabytes of users' vectors and terms kept in memory; the oldest go first.",
    )

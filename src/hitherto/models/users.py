"""Users."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")


Metadata = Mapping[str, Any]
"""A JSON object that the application attaches to a user or a session."""


@dataclass(frozen=True, slots=True)
class UserModel:
    """Person (or other principal) with separate memories.

    timezone: IANA name of the zone in which the days of the user's sessions are read; None is UTC.
    """

    user_id: str
    metadata: Metadata
    merge_conflict_enabled: bool | None
    created_at: datetime
    last_active_at: datetime
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class UserList(Generic[T]):
    """A page of users; `total` counts after filters and before paging."""

    users: list[T]
    total: int
    has_more: bool

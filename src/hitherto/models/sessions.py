"""Sessions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from hitherto.models.memories import MemoryRelationship
from hitherto.models.users import Metadata

T = TypeVar("T")


class SessionStatus(StrEnum):
    """Where a session stands between its first message and its memories."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    INSUFFICIENT_BALANCE = "insufficient_balance"


@dataclass(frozen=True, slots=True)
class SessionModel:
    """One conversation of one user.

    session_summary, memories: what processing brought; None unless they were asked for.
    quarantined_count: statements that processing kept from becoming memories.
    failure_reason: why it is FAILED, or what an INSUFFICIENT_BALANCE session waits for.
    processing_note: what was processed by rules because a budget was spent or a model failed, and
        how many statements were left out; None for nothing.
    """

    session_id: str
    user_id: str
    status: SessionStatus
    metadata: Metadata
    created_at: datetime
    processed_at: datetime | None
    auto_process_after_seconds: int | None
    failure_reason: str | None = None
    session_summary: str | None = None
    memories: "list[MemoryRelationship] | None" = None
    quarantined_count: int = 0
    processing_note: str | None = None


@dataclass(frozen=True, slots=True)
class SessionList(Generic[T]):
    """A page of sessions; `total` counts after filters and before paging."""

    sessions: list[T]
    total: int
    has_more: bool

"""Sessions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from hitherto.models.memories import MemoryRelationship
from hitherto.models.users import Metadata

T = TypeVar("T")


class SessionStatus(StrEnum):
    """Status of a session."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    INSUFFICIENT_BALANCE = "insufficient_balance"


@dataclass(frozen=True, slots=True)
class SessionModel:
    """Conversation of one user.

    timezone: IANA name of the zone in which its days are read; None is the user's.
    session_summary, memories: results of processing; None unless requested.
    quarantined_count: statements that processing kept out of memory.
    failure_reason: why it is FAILED, or what an INSUFFICIENT_BALANCE session waits for.
    processing_note: why rules replaced a model, and how many statements were left out, or
        None.
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
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class SessionList(Generic[T]):
    """A page of sessions; `total` counts after filters and before paging."""

    sessions: list[T]
    total: int
    has_more: bool

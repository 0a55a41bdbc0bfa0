"""Reports of deletions."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeletionReport:
    """Result of a deletion in numbers of rows; each version of a memory counts.

    redacted_messages, rewritten_summaries, reworded_memories: rows that stay, redacted.
    pending: what still holds deleted words, and until when; none of it can be recalled.
    deleted_at: None if the server's answer was lost or empty; then only the deletion is certain.
    """

    deleted_at: datetime | None = None
    users: int = 0
    sessions: int = 0
    messages: int = 0
    memories: int = 0
    summaries: int = 0
    merge_conflicts: int = 0
    quarantined: int = 0
    redacted_messages: int = 0
    rewritten_summaries: int = 0
    reworded_memories: int = 0
    pending: tuple[str, ...] = ()

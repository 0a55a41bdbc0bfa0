"""Reports of deletions."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeletionReport:
    """What a deletion took. Numbers of rows; memories: every version counts.

    redacted_messages, rewritten_summaries, reworded_memories: those that stay, without the words of
    what was deleted.
    pending: what still holds deleted words, and when it will not; none of it can be recalled.
    deleted_at: None where the server's answer was lost, or told nothing: then it is certain only
    that what was to be deleted is gone.
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

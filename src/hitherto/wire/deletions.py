"""JSON of a deletion report, an extension of the contract."""

from pydantic import Field

from hitherto import models
from hitherto.wire.conversion import Mirror
from hitherto.wire.fields import Instant


class DeletionReport(Mirror[models.DeletionReport]):
    """Result of a deletion, in numbers of rows."""

    deleted_at: Instant | None = Field(description="When it was deleted.")
    users: int = Field(description="Number of users.")
    sessions: int = Field(description="Number of sessions.")
    messages: int = Field(description="Number of messages.")
    memories: int = Field(description="Number of memories; every version counts.")
    summaries: int = Field(description="Number of session summaries.")
    merge_conflicts: int = Field(
        description="Number of merge conflicts that were deleted or lost a question."
    )
    quarantined: int = Field(description="Number of quarantined statements.")
    redacted_messages: int = Field(
        description="Number of remaining messages from which sentences were removed."
    )
    rewritten_summaries: int = Field(
        description="Number of remaining summaries from which sentences were removed."
    )
    reworded_memories: int = Field(
        default=0,
        description="Number of remaining memories from which additions of "
        "a deleted session were removed.",
    )
    pending: tuple[str, ...] = Field(
        description="Files that may still have deleted words, and until when; these "
        "words cannot be recalled."
    )

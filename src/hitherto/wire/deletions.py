"""JSON of a deletion report, an extension of the contract."""

from pydantic import Field

from hitherto import models
from hitherto.wire.conversion import Mirror
from hitherto.wire.fields import Instant


class DeletionReport(Mirror[models.DeletionReport]):
    """Result of a deletion, in numbers of rows."""

    deleted_at: Instant | None = Field(description="When it was deleted.")
    users: int = Field(description="Users.")
    sessions: int = Field(description="Sessions.")
    messages: int = Field(description="Messages.")
    memories: int = Field(description="Memories; every version counts.")
    summaries: int = Field(description="Summaries of sessions.")
    merge_conflicts: int = Field(description="Merge conflicts that went, or lost a question.")
    quarantined: int = Field(description="Statements that were kept from becoming memories.")
    redacted_messages: int = Field(
        description="Messages that stay, without the sentences that said what was deleted."
    )
    rewritten_summaries: int = Field(description="Summaries that stay, without such sentences.")
    reworded_memories: int = Field(
        default=0, description="Memories that stay, without what a deleted session had added."
    )
    pending: tuple[str, ...] = Field(
        description="What still holds deleted words, and until when; none of it can be recalled."
    )

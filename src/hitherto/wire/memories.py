"""Memories on the wire."""

from pydantic import ConfigDict, Field

from hitherto.models import (
    LOCAL_MODEL,
    Evidence,
    ExpirationReason,
    MemoryRelationship,
    MemoryVersionInfo,
    SaidBy,
    UserMemoriesList,
    UserMemoryItem,
)
from hitherto.wire.conversion import Mirror
from hitherto.wire.fields import EXAMPLE_MEMORY_ID, EXAMPLE_SESSION_ID, Instant


class ConnectedMemory(Mirror[MemoryRelationship]):
    """A memory by its id and its text."""

    memory_id: str = Field(description="The id of its current version.")
    content: str = Field(description="Content of the memory.")


class MemoryEvidence(Mirror[Evidence]):
    """A message that a memory rests on."""

    session_id: str = Field(description="The id of the message's session.")
    position: int = Field(description="The message's position in the session, from 0.")


class MemoryVersion(Mirror[MemoryVersionInfo]):
    """An earlier version in a memory's history."""

    memory_id: str = Field(description="The id of this version.")
    version_number: int = Field(description="Its position in the history; 1 is the oldest.")
    content: str = Field(description="Content of this version.")
    event_date_start: Instant = Field(description="First day of the event.")
    event_date_end: Instant = Field(description="End of the event's last day.")
    created_at: Instant = Field(description="When it was stated.")
    expired_at: Instant = Field(description="When a later version superseded it.")
    expiration_reason: ExpirationReason = Field(description="Why it was superseded.")
    merge_conflict_id: str | None = Field(
        default=None, description="The merge conflict whose resolution superseded it, if any."
    )


class Memory(Mirror[UserMemoryItem]):
    """Version of a memory with its position in the history."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "memory_id": EXAMPLE_MEMORY_ID,
                    "categories": ["places"],
                    "content": "User moved to Lisbon",
                    "event_date_start": "2025-01-06T00:00:00Z",
                    "event_date_end": "2025-01-06T23:59:59Z",
                    "created_at": "2025-01-06T15:45:00Z",
                    "version_number": 1,
                    "total_versions": 1,
                    "has_previous_versions": False,
                    "previous_versions": [],
                    "connected_memories": [],
                    "merge_conflict_in_progress": False,
                    "merge_conflict_id": None,
                    "expired_at": None,
                    "expiration_reason": None,
                    "session_id": EXAMPLE_SESSION_ID,
                    "evidence": [{"session_id": EXAMPLE_SESSION_ID, "position": 0}],
                    "said_by": "user",
                    "confidence": 1.0,
                    "model": "local",
                    "prompt_hash": None,
                    "doubted_by": None,
                    "doubt_reason": None,
                    "doubted_at": None,
                }
            ]
        }
    )

    memory_id: str = Field(description="The id of this version; the current one's in lists.")
    categories: list[str] = Field(description="The names of its categories.")
    content: str = Field(description="Content of the memory: one statement.")
    event_date_start: Instant = Field(description="First day of the event.")
    event_date_end: Instant = Field(description="End of the event's last day.")
    created_at: Instant = Field(description="When it was stated: the date of its session.")
    version_number: int = Field(description="Its position in the history; 1 is the oldest.")
    total_versions: int = Field(description="Number of versions in the history.")
    has_previous_versions: bool = Field(description="Whether it has more than one version.")
    previous_versions: list[MemoryVersion] | None = Field(
        default=None, description="Earlier versions, newest first; null if not asked for."
    )
    connected_memories: list[ConnectedMemory] | None = Field(
        default=None, description="Connected memories; null if not asked for."
    )
    merge_conflict_in_progress: bool = Field(
        description="Whether a merge conflict about it is unresolved."
    )
    merge_conflict_id: str | None = Field(
        default=None, description="The merge conflict whose resolution superseded it, if any."
    )
    expired_at: Instant | None = Field(
        default=None, description="When a later version superseded it; null for a current one."
    )
    expiration_reason: ExpirationReason | None = Field(
        default=None, description="Why it was superseded; null for a current one."
    )
    session_id: str = Field(description="The session that created this version.")
    evidence: list[MemoryEvidence] = Field(
        default_factory=list, description="The messages that are its evidence."
    )
    said_by: SaidBy = Field(
        default=SaidBy.USER,
        description="Origin: the person, the AI, an import, or words that the person quotes.",
    )
    confidence: float = Field(
        default=1.0, ge=0, le=1, description="Confidence of the extraction, 0 to 1."
    )
    model: str = Field(
        default=LOCAL_MODEL,
        description="What extracted it: `local` for rules, or the name of a model.",
    )
    prompt_hash: str | None = Field(
        default=None, description="Hash of the model's prompt; null for rules."
    )
    doubted_by: str | None = Field(
        default=None, description="The memory whose change caused its doubt; null if there is none."
    )
    doubt_reason: str | None = Field(
        default=None, description="Reason of its doubt; null if it is not in doubt."
    )
    doubted_at: Instant | None = Field(
        default=None, description="Start of its doubt; null if it is not in doubt."
    )


class MemoryList(Mirror[UserMemoriesList]):
    """A page of a user's current memories, newest first."""

    items: list[Memory] = Field(description="The memories of this page.")
    total: int = Field(description="Number of items after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")

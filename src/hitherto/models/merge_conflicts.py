"""Merge conflicts."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class MergeConflictStatus(StrEnum):
    """Status of a merge conflict."""

    PENDING = "PENDING"
    IN_QUEUE = "IN_QUEUE"
    RESOLVING = "RESOLVING"
    RESOLVED = "RESOLVED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class MergeConflictConflictingMemory:
    """A held memory that a proposed one contradicts, and why."""

    memory_id: str
    content: str
    reason: str
    event_date_start: datetime
    event_date_end: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MergeConflictQuestion:
    """A multiple-choice question whose answer settles a conflict."""

    question: str
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MergeConflictAnswer:
    """Chosen option for one question, with the person's comment."""

    question: str
    answer: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class MergeConflictNewMemory:
    """A memory that the settlement of a conflict brought."""

    memory_id: str
    content: str
    event_date_start: datetime
    event_date_end: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MergeConflictModel:
    """Two statements that cannot both hold and that time does not explain.

    new_memories: of a resolved conflict; None before. resolution_data: the answers as they were
    given, `{"question_answers": [{"question", "answer", "message"}]}`; None before.
    failure_reason: why applying the answers failed, for FAILED.
    """

    id: str
    project_user_session_id: str
    proposed_memory_content: str | None
    conflicting_memories: list[MergeConflictConflictingMemory]
    clarifying_questions: list[MergeConflictQuestion]
    status: MergeConflictStatus
    created_at: datetime
    resolved_at: datetime | None = None
    new_memories: list[MergeConflictNewMemory] | None = None
    resolution_data: dict[str, Any] | None = None
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class MergeConflictList(Generic[T]):
    """A page of merge conflicts; `total` counts after filters and before paging."""

    conflicts: list[T]
    total: int
    has_more: bool

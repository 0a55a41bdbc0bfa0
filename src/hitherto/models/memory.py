"""The nouns of a memory: users, sessions, messages, memories, contexts, merge conflicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Metadata = Mapping[str, Any]
"""A JSON object that the application attaches to a user or a session."""


class MessageRole(StrEnum):
    """Who said a message: the human (`USER`) or the AI (`ASSISTANT`)."""

    USER = "user"
    ASSISTANT = "assistant"


class SaidBy(StrEnum):
    """Where a memory comes from: the user's own words, the assistant's, or an import."""

    USER = "user"
    ASSISTANT = "assistant"
    IMPORTED = "imported"


class QuarantineKind(StrEnum):
    """Why a statement was kept from becoming a memory."""

    OVERRIDE = "override"
    DIRECTIVE = "directive"
    SYSTEM_CLAIM = "system_claim"
    AUTHORISATION = "authorisation"
    IDENTITY = "identity"
    DELAYED_TRIGGER = "delayed_trigger"
    ROLE_PLAY = "role_play"
    TOOL_CALL = "tool_call"
    MARKUP = "markup"
    THIRD_PARTY = "third_party"


class SessionStatus(StrEnum):
    """Where a session stands between its first message and its memories."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    INSUFFICIENT_BALANCE = "insufficient_balance"


class RecallStrategy(StrEnum):
    """How much work recall may do for one context."""

    LOW_LATENCY = "low_latency"
    BALANCED = "balanced"
    AGENTIC = "agentic"
    AUTO = "auto"


class ExpirationReason(StrEnum):
    """Why a memory version was superseded by the next one."""

    ADDITION_TO_EXISTING_MEMORY = "ADDITION_TO_EXISTING_MEMORY"
    TEMPORAL_CONFLICT = "TEMPORAL_CONFLICT"
    MERGE_CONFLICT = "MERGE_CONFLICT"


class MergeConflictStatus(StrEnum):
    """Where a merge conflict stands between its detection and its settlement."""

    PENDING = "PENDING"
    IN_QUEUE = "IN_QUEUE"
    RESOLVING = "RESOLVING"
    RESOLVED = "RESOLVED"
    FAILED = "FAILED"


class CallOutcome(StrEnum):
    """How a call of a language model ended.

    `REPAIRED`: answered in form after it was told what was wrong. `MALFORMED`: never in form.
    `OVER_BUDGET`: not made, because the day's budget had no room for it.
    """

    OK = "ok"
    REPAIRED = "repaired"
    MALFORMED = "malformed"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    OVER_BUDGET = "over_budget"


class OverBudget(StrEnum):
    """What happens to a session when the day's budget is spent.

    `LOCAL`: it is processed by rules, without a model. `WAIT`: it becomes INSUFFICIENT_BALANCE and
    is processed when the budget allows it.
    """

    LOCAL = "local"
    WAIT = "wait"


class DateRangeFilterType(StrEnum):
    """Which date of a memory a range looks at: when it happened, or when it was said."""

    EVENT_DATE = "event_date"
    CREATED_AT = "created_at"


@dataclass(frozen=True, slots=True)
class UserModel:
    """One person (or other principal) whose memories are kept apart from everyone else's."""

    user_id: str
    metadata: Metadata
    merge_conflict_enabled: bool | None
    created_at: datetime
    last_active_at: datetime


@dataclass(frozen=True, slots=True)
class SessionModel:
    """One conversation of one user.

    session_summary, memories: what processing brought; None unless they were asked for.
    quarantined_count: statements that processing kept from becoming memories.
    failure_reason: why it is FAILED, or what an INSUFFICIENT_BALANCE session waits for.
    processing_note: what was processed by rules because a budget was spent or a model failed, or
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


@dataclass(frozen=True, slots=True)
class Message:
    """What was said, word for word. `timestamp` is when it was added."""

    role: MessageRole
    content: str
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class SessionMessagesList:
    """A page of a session's messages, in the order in which they were added."""

    messages: list[Message]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A message together with the session it belongs to."""

    role: MessageRole
    content: str
    timestamp: datetime
    session_id: str


@dataclass(frozen=True, slots=True)
class UserMessagesList:
    """The last messages of a user over all sessions, oldest first."""

    messages: list[UserMessage]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The message a memory rests on: the session, and the message's position in it (from 0)."""

    session_id: str
    position: int


LOCAL_MODEL = "local"
"""What stands for the model of a memory that was understood by rules."""


@dataclass(frozen=True, slots=True)
class MemoryVersion:
    """One version of a memory as it is stored.

    `event_date_start`/`event_date_end`: the whole days in which the described event lies.
    `created_at`: when it was said (its session's date). `previous_id`: the version it superseded.
    `expired_at` and `expiration_reason` are set together, once a later version took its place.
    `model`: "local", or provider:model; `prompt_hash`: of the prompt that the model followed.
    `doubted_by`: the memory that changed what this one depended on; set together with
    `doubt_reason` and `doubted_at`, the day of the change.
    """

    memory_id: str
    session_id: str
    content: str
    event_date_start: datetime
    event_date_end: datetime
    created_at: datetime
    previous_id: str | None = None
    expired_at: datetime | None = None
    expiration_reason: ExpirationReason | None = None
    merge_conflict_id: str | None = None
    evidence: tuple[Evidence, ...] = ()
    said_by: SaidBy = SaidBy.USER
    confidence: float = 1.0
    model: str = LOCAL_MODEL
    prompt_hash: str | None = None
    doubted_by: str | None = None
    doubt_reason: str | None = None
    doubted_at: datetime | None = None

    def __hash__(self) -> int:
        """Of the id alone: texts are cached by version, and all fields take 20 times longer."""
        return hash(self.memory_id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement extracted from a session, not yet weighed against what is remembered.

    content: one third-person statement, "User ...".
    event_date_start, event_date_end: whole UTC days, 00:00:00 to 23:59:59; the session's own day
        where the statement names no date.
    evidence: positions (from 0) of the session's messages that say it; empty only for what was said
        beside the answers to a merge conflict.
    said_by: who said it; what the assistant promised or made is remembered as such.
    confidence: 0 to 1, how sure whoever extracted it was.
    categories: names of the project's categories; None where they are still to be found.
    model: what understood it, "local" for the rules or provider:model; prompt_hash: of the prompt
        that the model followed.
    """

    content: str
    event_date_start: datetime
    event_date_end: datetime
    evidence: tuple[int, ...]
    said_by: MessageRole = MessageRole.USER
    confidence: float = 1.0
    categories: tuple[str, ...] | None = None
    model: str = LOCAL_MODEL
    prompt_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A statement that was kept from becoming a memory; its words stay in the transcript.

    reason: what gave it away, quoted. positions: those of the session's messages that say it.
    """

    quarantine_id: str
    session_id: str
    content: str
    kind: QuarantineKind
    reason: str
    said_by: SaidBy
    positions: tuple[int, ...]
    quarantined_at: datetime


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was understood of a session.

    summary: one paragraph; empty only for a session without messages.
    dropped: statements left out because the session does not say them.
    """

    candidates: tuple[Candidate, ...]
    summary: str = ""
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class MemoryVersionInfo:
    """An earlier version in a memory's history."""

    memory_id: str
    version_number: int
    content: str
    event_date_start: datetime
    event_date_end: datetime
    created_at: datetime
    expired_at: datetime
    expiration_reason: ExpirationReason
    merge_conflict_id: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryRelationship:
    """A connected memory, by its current version."""

    memory_id: str
    content: str


@dataclass(frozen=True, slots=True)
class UserMemoryItem:
    """A memory as applications see it: one version with its place in the history."""

    memory_id: str
    categories: list[str]
    content: str
    event_date_start: datetime
    event_date_end: datetime
    created_at: datetime
    version_number: int
    total_versions: int
    has_previous_versions: bool
    previous_versions: list[MemoryVersionInfo] | None
    connected_memories: list[MemoryRelationship] | None
    merge_conflict_in_progress: bool
    merge_conflict_id: str | None
    expired_at: datetime | None
    expiration_reason: ExpirationReason | None
    session_id: str
    evidence: tuple[Evidence, ...] = ()
    said_by: SaidBy = SaidBy.USER
    confidence: float = 1.0
    model: str = LOCAL_MODEL
    prompt_hash: str | None = None
    doubted_by: str | None = None
    doubt_reason: str | None = None
    doubted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserMemoriesList:
    """A page of a user's current memories, newest first."""

    items: list[UserMemoryItem]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class QueryDateRangeFilter:
    """A range of dates that a question asks about; it moves ranks, it never hides an answer."""

    filter_type: DateRangeFilterType
    start_date: datetime | None
    end_date: datetime | None


class UnderstoodBy(StrEnum):
    """What read a question or explored a memory: the rules, or a language model."""

    RULES = "rules"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class ContextMetadata:
    """How a context came about.

    planned_by, explored_by: what read the question, and, for AGENTIC, what explored the memory.
    fallback_reason: why the rules did what a model was asked to do; None where nothing failed.
    """

    recall_strategy_used: RecallStrategy
    memory_ids: list[str] | None = None
    session_ids: list[str] | None = None
    agent_reasoning: str | None = None
    vector_search_queries: list[str] | None = None
    keywords: list[str] | None = None
    session_summaries_search_queries: list[str] | None = None
    date_range_filters: list[QueryDateRangeFilter] | None = None
    planned_by: UnderstoodBy | None = None
    explored_by: UnderstoodBy | None = None
    fallback_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ContextResponse:
    """The context of a session, or one event on the way to it (`is_final` false)."""

    is_final: bool
    context: str | None
    metadata: ContextMetadata | None = None
    status_update_message: str | None = None
    error_message: str | None = None


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
    """The option chosen for one question, and what else the person said about it."""

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
class UserList(Generic[T]):
    """A page of users; `total` counts after filters and before paging."""

    users: list[T]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class SessionList(Generic[T]):
    """A page of sessions; `total` counts after filters and before paging."""

    sessions: list[T]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class MergeConflictList(Generic[T]):
    """A page of merge conflicts; `total` counts after filters and before paging."""

    conflicts: list[T]
    total: int
    has_more: bool


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

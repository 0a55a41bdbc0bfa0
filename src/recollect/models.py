"""The nouns of Recollect: what every layer passes to every other.

Frozen, total, and free of behaviour. All instants are timezone-aware UTC datetimes. Names that the
public contract shows (`UserMemoryItem`, `ContextResponse`, ...) keep its spelling, so that an
application moves over by changing one import.
"""

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


@dataclass(frozen=True, slots=True)
class MemoryVersion:
    """One version of a memory as it is stored.

    `event_date_start`/`event_date_end`: the whole days in which the described event lies.
    `created_at`: when it was said (its session's date). `previous_id`: the version it superseded.
    `expired_at` and `expiration_reason` are set together, once a later version took its place.
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
    """

    content: str
    event_date_start: datetime
    event_date_end: datetime
    evidence: tuple[int, ...]


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


@dataclass(frozen=True, slots=True)
class ContextMetadata:
    """How a context came about."""

    recall_strategy_used: RecallStrategy
    memory_ids: list[str] | None = None
    session_ids: list[str] | None = None
    agent_reasoning: str | None = None
    vector_search_queries: list[str] | None = None
    keywords: list[str] | None = None
    session_summaries_search_queries: list[str] | None = None
    date_range_filters: list[QueryDateRangeFilter] | None = None


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
class Project:
    """A tenant: its users, keys, categories and settings are seen by nobody else.

    merge_conflict_enabled: what users inherit who have no switch of their own.
    """

    project_id: str
    name: str
    merge_conflict_enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it can be shown after its creation.

    project_id: None for an admin key, which opens the admin API of all projects and nothing else.
    hint: the first characters of the key, enough to tell it from others.
    """

    key_id: str
    project_id: str | None
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made: `api_key` is the secret itself, which is never shown again."""

    key: ApiKey
    api_key: str


@dataclass(frozen=True, slots=True)
class Category:
    """A label of a project that new memories are given when it fits what they say."""

    category_id: str
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GenerationPreferences:
    """What a project wants to be remembered and what not, as instructions and as examples.

    false_positive_examples: were extracted and should not have been. false_negative_examples: were
    missed and should not have been.
    """

    inclusion_instructions: tuple[str, ...] = ()
    positive_examples: tuple[str, ...] = ()
    exclusion_instructions: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    false_positive_examples: tuple[str, ...] = ()
    false_negative_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectCounters:
    """How much a project holds. sessions, merge_conflicts: by status, those that occur."""

    users: int
    messages: int
    memories: int
    sessions: Mapping[SessionStatus, int]
    merge_conflicts: Mapping[MergeConflictStatus, int]


class WebhookEventType(StrEnum):
    """What a webhook can be told."""

    MERGE_CONFLICT_CREATED = "merge_conflict.created"
    MERGE_CONFLICT_RESOLVED = "merge_conflict.resolved"
    MERGE_CONFLICT_FAILED = "merge_conflict.failed"
    SESSION_PROCESSED = "session.processed"
    SESSION_FAILED = "session.failed"


class WebhookDeliveryStatus(StrEnum):
    """Where the telling of one event to one webhook stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told what happens to the users of a project.

    disabled_reason: why it is not enabled, if it was not switched off by whoever administers it.
    """

    webhook_id: str
    project_id: str
    url: str
    event_types: tuple[WebhookEventType, ...]
    enabled: bool
    created_at: datetime
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook with a secret just made, which is never shown again."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What a webhook answered to one request.

    status_code: None when no answer came. failure_reason: None for a status of 200 to 299.
    """

    status_code: int | None
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """The telling of one event to one webhook.

    due_at: when it is sent next; None when it is over. attempted_at, answer: of the last attempt;
    None before the first one has ended.
    """

    event_id: str
    event_type: WebhookEventType
    status: WebhookDeliveryStatus
    created_at: datetime
    attempts: int
    due_at: datetime | None
    attempted_at: datetime | None
    answer: WebhookAnswer | None

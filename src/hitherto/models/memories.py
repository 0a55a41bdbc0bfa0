"""Memories, and the statements that become memories."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

LOCAL_MODEL = "local"
"""Model of a memory that was extracted by rules."""


class SaidBy(StrEnum):
    """Origin of a memory: the user's own words, the assistant's, an import, or a quotation.

    `QUOTED`: words that the user seems to have quoted, pasted or reported. Such a memory has low
    trust: contexts show it as quoted, and it changes no memory that the user said.
    """

    USER = "user"
    ASSISTANT = "assistant"
    IMPORTED = "imported"
    QUOTED = "quoted"


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


class ExpirationReason(StrEnum):
    """Why a memory version was superseded by the next one."""

    ADDITION_TO_EXISTING_MEMORY = "ADDITION_TO_EXISTING_MEMORY"
    TEMPORAL_CONFLICT = "TEMPORAL_CONFLICT"
    MERGE_CONFLICT = "MERGE_CONFLICT"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Message that a memory rests on: session, and position in it (from 0)."""

    session_id: str
    position: int


@dataclass(frozen=True, slots=True)
class MemoryVersion:
    """Stored version of a memory.

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
        """Hash the id alone: texts are cached by version, and all fields take 20 times longer."""
        return hash(self.memory_id)


@dataclass(frozen=True, slots=True)
class Clause:
    """Third-person statement in its two parts, as the rules of extraction know them.

    subject: "User" or "User's sister Ana".
    predicate: what is said of it, from its verb on: "works at Siemens".
    """

    subject: str
    predicate: str

    @property
    def text(self) -> str:
        """Whole statement."""
        return f"{self.subject} {self.predicate}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Statement extracted from a session, before reconciliation.

    content: one third-person statement, "User ...".
    event_date_start, event_date_end: whole UTC days, 00:00:00 to 23:59:59; the session's own day
        where the statement names no date.
    evidence: positions (from 0) of the session's messages that say it; empty only for a
        comment on the answers to a merge conflict.
    said_by: who said it; what the assistant promised or made is remembered as such.
    confidence: 0 to 1, certainty of the extraction.
    categories: names of the project's categories; None where they are still to be found.
    model: what understood it, "local" for the rules or provider:model; prompt_hash: of the prompt
        that the model followed.
    clause: the content as the rules made it; None where it came as text, from a model or the store.
    """

    content: str
    event_date_start: datetime
    event_date_end: datetime
    evidence: tuple[int, ...]
    said_by: SaidBy = SaidBy.USER
    confidence: float = 1.0
    categories: tuple[str, ...] | None = None
    model: str = LOCAL_MODEL
    prompt_hash: str | None = None
    clause: Clause | None = field(default=None, compare=False)


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
    """Result of extracting a session.

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

"""The one Protocol that is the system.

The engine implements it in process; everything above (clients, command line) is written against it.
Every method may raise `ValidationError` for an argument out of range, `StoreError` when the
database refuses the work and `ClosedError` after `close()`; what else it raises is said with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from recollect.models import (
    ContextResponse,
    MergeConflictModel,
    MergeConflictStatus,
    MessageRole,
    Metadata,
    RecallStrategy,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMemoriesList,
    UserMemoryItem,
    UserMessagesList,
    UserModel,
)

T = TypeVar("T")


class Unset:
    """The type of `UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
"""Stands for an argument that was not given, where `None` has a meaning of its own."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list: `total` counts after filters and before paging."""

    items: list[T]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """What a context is asked to hold.

    Ranges: min_top_k 5-50, max_top_k 10-100 and not below min_top_k, thresholds 0.2-0.8,
    last_n_messages 1-100, last_n_summaries 1-20, max_tokens 128-1,000,000.
    timezone: an IANA name; every timestamp of the text is shown in it.
    max_tokens: bound on the whole text, system prompt included, in tokens of the embedder.
    """

    recall_strategy: RecallStrategy = RecallStrategy.BALANCED
    min_top_k: int = 15
    max_top_k: int = 50
    memories_threshold: float = 0.6
    summaries_threshold: float = 0.5
    last_n_messages: int | None = None
    last_n_summaries: int | None = None
    timezone: str = "UTC"
    include_system_prompt: bool = True
    include_metadata_ids: bool = False
    max_tokens: int | None = None


class MemoryApi(Protocol):
    """What Recollect can do, for the users of one project."""

    async def create_user(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> UserModel:
        """Create a user. Raises UserAlreadyExistsError."""
        ...

    async def get_user(self, user_id: str) -> UserModel:
        """Read a user. Raises UserNotFoundError."""
        ...

    async def list_users(
        self,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        partial_user_id: str | None = None,
    ) -> Page[UserModel]:
        """List users, newest first. limit 1-100; the filter matches by containment."""
        ...

    async def update_user(
        self,
        user_id: str,
        *,
        new_metadata: Metadata | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | Unset | None = UNSET,
    ) -> UserModel:
        """Replace metadata, rename, or switch conflicts; what is not given stays.

        Raises UserNotFoundError, and UserAlreadyExistsError when the new id is taken.
        """
        ...

    async def delete_user(self, user_id: str) -> None:
        """Delete a user with everything that belongs to them. Raises UserNotFoundError."""
        ...

    async def create_session(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        auto_process_after_seconds: int | None = 600,
        custom_created_at_utc: datetime | None = None,
    ) -> SessionModel:
        """Start a conversation. auto_process_after_seconds: 600 or more, or None for never.

        Raises UserNotFoundError.
        """
        ...

    async def get_session(self, user_id: str, session_id: str) -> SessionModel:
        """Read a session. Raises UserNotFoundError, SessionNotFoundError."""
        ...

    async def list_sessions(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        status_filter: Sequence[SessionStatus] | None = None,
    ) -> Page[SessionModel]:
        """List a user's sessions, newest `created_at` first. limit 1-100.

        Raises UserNotFoundError.
        """
        ...

    async def update_session(
        self, user_id: str, session_id: str, new_metadata: Metadata
    ) -> SessionModel:
        """Replace a session's metadata. Raises UserNotFoundError, SessionNotFoundError."""
        ...

    async def delete_session(self, user_id: str, session_id: str) -> None:
        """Delete a session, its messages, summary, conflicts and the memories it created.

        What those memories had superseded becomes current again.
        Raises UserNotFoundError, SessionNotFoundError.
        """
        ...

    async def add_message(
        self, user_id: str, session_id: str, role: MessageRole, content: str
    ) -> None:
        """Append a message; durable when it returns.

        Raises UserNotFoundError, SessionNotFoundError, InvalidSessionStateError.
        """
        ...

    async def get_messages(
        self, user_id: str, session_id: str, *, offset: int = 0, limit: int = 50
    ) -> SessionMessagesList:
        """A page of a session's messages in order. limit 1-500.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        ...

    async def get_last_n_messages(self, user_id: str, n: int) -> UserMessagesList:
        """The last n (1-100) messages over all sessions, oldest first. Raises UserNotFoundError."""
        ...

    async def process(self, user_id: str, session_id: str) -> SessionModel:
        """Make a session due for processing and return at once.

        Raises UserNotFoundError, SessionNotFoundError, InvalidSessionStateError.
        """
        ...

    async def wait_until_processed(self, *, timeout_s: float | None = None) -> None:
        """Return when no session is being processed or due. Raises TimeoutError."""
        ...

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        """What a model should know about the user now, as a text.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        ...

    async def list_memories(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 20,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        """List the current memories, newest first. limit 1-200. Raises UserNotFoundError."""
        ...

    async def get_memory(
        self,
        user_id: str,
        memory_id: str,
        *,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoryItem:
        """Read one version of a memory, current or not.

        Raises UserNotFoundError, MemoryNotFoundError.
        """
        ...

    async def delete_memory(
        self, user_id: str, memory_id: str, *, delete_previous_versions: bool = False
    ) -> None:
        """Delete one version, or it and all earlier ones; its predecessor takes its place.

        Raises UserNotFoundError, MemoryNotFoundError.
        """
        ...

    async def list_merge_conflicts(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        status: MergeConflictStatus | None = None,
    ) -> Page[MergeConflictModel]:
        """List merge conflicts, newest first. limit 1-100. Raises UserNotFoundError."""
        ...

    async def get_merge_conflict(self, user_id: str, merge_conflict_id: str) -> MergeConflictModel:
        """Read a merge conflict. Raises UserNotFoundError, MergeConflictNotFoundError."""
        ...

    async def close(self) -> None:
        """Finish or release the work in hand and let go of the database."""
        ...

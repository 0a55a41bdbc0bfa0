"""Protocol of the system: every call for the users of a project.

The engine implements `MemoryApi` in process, the HTTP client over the wire; everything above
(client objects, routes, command line) is written against it.
Every method may raise `ValidationError` for an argument out of range, `StoreError` when the
database refuses the work and `ClosedError` after `close()`; what else it raises is said with it.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

from pydantic import Field

from hitherto.models import (
    ContextResponse,
    DeletionReport,
    MergeConflictAnswer,
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

MIN_AUTO_PROCESS_S = 600
MAX_AUTO_PROCESS_S = 10 * 366 * 86_400
"""Seconds without a message, at least and at most, after which a session is processed."""

SortBy = Literal["created_at", "resolved_at"]
SortOrder = Literal["asc", "desc"]


class Unset:
    """Type of `UNSET`."""

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


@dataclass(frozen=True)
class ContextRequest:
    """Parameters of a context, declared once.

    The ranges are checked by `core.arguments`, the server and the command line; names, defaults and
    descriptions are those of the query, the client and the reference. Without slots, so that the
    server's query can inherit the fields.

    max_tokens: system prompt included, in tokens of the embedder.
    """

    recall_strategy: Annotated[
        RecallStrategy,
        Field(
            description="How much work to do: `low_latency` for voice, `balanced` for chat, "
            "`agentic` to explore all that is known, `auto` to choose by the question."
        ),
    ] = RecallStrategy.BALANCED
    min_top_k: Annotated[
        int, Field(ge=5, le=50, description="Memories to show at least, if there are as many.")
    ] = 15
    max_top_k: Annotated[
        int, Field(ge=10, le=100, description="Memories to show at most; not below `min_top_k`.")
    ] = 50
    memories_threshold: Annotated[
        float, Field(ge=0.2, le=0.8, description="Similarity from which a memory is shown.")
    ] = 0.6
    summaries_threshold: Annotated[
        float, Field(ge=0.2, le=0.8, description="Similarity from which a summary is shown.")
    ] = 0.5
    last_n_messages: Annotated[
        int | None,
        Field(ge=1, le=100, description="Latest messages of other sessions to show."),
    ] = None
    last_n_summaries: Annotated[
        int | None,
        Field(ge=1, le=20, description="Latest summaries of other sessions to show."),
    ] = None
    timezone: Annotated[
        str | None,
        Field(
            description="The IANA name of the time zone in which the text tells the time; without "
            "it, that of the session, of its user, or UTC.",
            examples=["America/New_York"],
        ),
    ] = None
    include_system_prompt: Annotated[
        bool, Field(description="Whether the text begins with the system prompt.")
    ] = True
    include_metadata_ids: Annotated[
        bool, Field(description="Whether to return ids, queries and reasoning in `metadata`.")
    ] = False
    # Below 128, headings and the fence would leave no room for a single memory.
    max_tokens: Annotated[
        int | None,
        Field(ge=128, le=1_000_000, description="Bound on the whole text, in tokens."),
    ] = None


class MemoryApi(Protocol):
    """Calls for the users of one project."""

    async def create_user(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
        timezone: str | None = None,
        idempotency_key: str | None = None,
    ) -> UserModel:
        """Create a user. Raises UserAlreadyExistsError.

        timezone: IANA name of the zone in which the days of the user's sessions are read and shown;
        None is UTC.

        idempotency_key: 1-255 characters. The call made again with the same key and arguments
        answers as the first did and does nothing; with other arguments it fails as it would
        without a key.
        """
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
        timezone: str | Unset | None = UNSET,
    ) -> UserModel:
        """Replace metadata, rename, switch conflicts, or set the zone; what is not given stays.

        A new zone counts for sessions that are not processed yet; the days of memories stay.
        Raises UserNotFoundError, and UserAlreadyExistsError when the new id is taken.
        """
        ...

    async def delete_user(self, user_id: str) -> DeletionReport:
        """Delete a user with everything that belongs to them. Raises UserNotFoundError."""
        ...

    async def create_session(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        auto_process_after_seconds: int | None = MIN_AUTO_PROCESS_S,
        custom_created_at_utc: datetime | None = None,
        timezone: str | None = None,
        idempotency_key: str | None = None,
    ) -> SessionModel:
        """Start a conversation.

        timezone: as of the user, for this session alone; None is the user's.

        auto_process_after_seconds: 600 to 316,224,000 (ten years), or None for never.

        idempotency_key: as for `create_user`; with other arguments it raises ValidationError.
        Raises UserNotFoundError.
        """
        ...

    async def get_session(
        self,
        user_id: str,
        session_id: str,
        *,
        include_summary: bool = False,
        include_memories: bool = False,
    ) -> SessionModel:
        """Read a session, with its summary and the current memories it created where asked for.

        Raises UserNotFoundError, SessionNotFoundError.
        """
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
        self,
        user_id: str,
        session_id: str,
        new_metadata: Metadata | None = None,
        *,
        timezone: str | Unset | None = UNSET,
    ) -> SessionModel:
        """Replace a session's metadata, or set its zone; what is not given stays.

        Once it is processed, a new zone changes only what its contexts show.
        Raises UserNotFoundError, SessionNotFoundError.
        """
        ...

    async def delete_session(self, user_id: str, session_id: str) -> DeletionReport:
        """Delete a session, its messages, summary, conflicts and the memories it created.

        What those memories had superseded becomes current again.
        Raises UserNotFoundError, SessionNotFoundError.
        """
        ...

    async def add_message(
        self,
        user_id: str,
        session_id: str,
        role: MessageRole,
        content: str,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        """Append a message; durable when it returns.

        idempotency_key: as for `create_session`, within the session.
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
        """Return the last n (1-100) messages of all sessions. Raises UserNotFoundError."""
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
        """Return what a model should know about the user now, as text.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        ...

    def get_context_stream(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> AsyncGenerator[ContextResponse, None]:
        """`get_context` with what happens on the way to it.

        Yields events with `is_final` false and a `status_update_message`, then one with `is_final`
        true, which has the context. With `include_metadata_ids` the events before it have what is
        known so far. The first event comes at once. An unknown user or session and a wrong argument
        are raised before it, all else that `get_context` raises at any time.
        """
        ...

    async def system_prompt(self, recall_strategy: RecallStrategy) -> str:
        """Return the instructions for reading a context; AUTO and BALANCED share one.

        No newline at its end.
        """
        ...

    async def list_memories(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 20,
        categories: Sequence[str] | None = None,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        """List the current memories, newest first. limit 1-200.

        categories: names of which a memory has at least one.
        Raises UserNotFoundError, and InvalidCategoriesError for names the project does not have.
        """
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
    ) -> DeletionReport:
        """Delete one version, or it and all earlier ones; its predecessor takes its place.

        The sentences of messages and summaries that say it go, too, and what merge conflicts and
        the quarantine quote of it.

        Raises UserNotFoundError, MemoryNotFoundError.
        """
        ...

    async def list_doubtful_memories(
        self, user_id: str, *, offset: int = 0, limit: int = 20
    ) -> UserMemoriesList:
        """List the current memories in doubt, latest doubt first. limit 1-200."""
        ...

    async def confirm_memory(self, user_id: str, memory_id: str) -> UserMemoryItem:
        """Clear the doubt about a current memory; without a doubt nothing changes.

        Raises UserNotFoundError, MemoryNotFoundError, and ValidationError for one that has expired.
        """
        ...

    async def end_memory(self, user_id: str, memory_id: str) -> UserMemoryItem:
        """Let a memory expire without a successor; one that has expired stays as it is.

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
        sort_by: SortBy = "created_at",
        sort_order: SortOrder = "desc",
    ) -> Page[MergeConflictModel]:
        """List merge conflicts. limit 1-100. Raises UserNotFoundError.

        Those not resolved have no `resolved_at` and come last, in either order.
        """
        ...

    async def get_merge_conflict(self, user_id: str, merge_conflict_id: str) -> MergeConflictModel:
        """Read a merge conflict. Raises UserNotFoundError, MergeConflictNotFoundError."""
        ...

    async def resolve_merge_conflict(
        self, user_id: str, merge_conflict_id: str, answers: Sequence[MergeConflictAnswer]
    ) -> MergeConflictModel:
        """Answer all questions of a PENDING conflict and put it IN_QUEUE; returns at once.

        Raises UserNotFoundError, MergeConflictNotFoundError, and in this order
        MergeConflictAlreadyResolvedError, MergeConflictInvalidQuestionsError,
        MergeConflictMissingAnswersError, MergeConflictInvalidAnswerError.
        """
        ...

    async def close(self) -> None:
        """Finish or release the work in hand and let go of the database."""
        ...

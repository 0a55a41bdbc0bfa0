"""The client: what an application holds in its hands.

`Recollect` gives users, users give sessions. The objects carry what was last read and change
only through their own methods and `refresh()`. Made from `_async.py`
by `scripts/unasync.py`; never edited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from recollect.api import UNSET, ContextRequest, Unset
from recollect.client.connection import Connection
from recollect.client.embedded import Parts
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
from recollect.settings import Settings


class Recollect:
    """Long-term memory, embedded: one SQLite file and a worker in the background.

    location: the path of a file, made if it is not there, or `sqlite:///path`; `":memory:"` keeps
        nothing beyond `close()`.
    settings: defaults and environment are used where it is left out.
    parts: an embedder, an inference, a clock of your own in place of the built-in ones.

    One object serves a whole application and may be shared between its threads. It opens when it
    is made; `close()` finishes or releases the session in work.

    Example:
        with Recollect("memory.db") as memory:
            user = memory.create_user("alice")
    """

    def __init__(
        self,
        location: str | Path,
        *,
        settings: Settings | None = None,
        parts: Parts | None = None,
    ) -> None:
        self._connection = Connection(location, settings, parts)

    def create_user(
        self,
        user_id: str,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> "User":
        """Create a user.

        user_id: 1-255 characters of your own choice, without / ? # and control characters.
        merge_conflict_enabled: whether contradictions are asked about; None inherits.
        Raises UserAlreadyExistsError, ValidationError.

        Example:
            user = memory.create_user("alice", metadata={"plan": "pro"})
        """
        model = self._connection.call(
            lambda api: api.create_user(
                user_id, metadata=metadata, merge_conflict_enabled=merge_conflict_enabled
            )
        )
        return User(self._connection, model)

    def get_user(self, user_id: str) -> "User":
        """Read a user. Raises UserNotFoundError.

        Example:
            user = memory.get_user("alice")
        """
        return User(self._connection, self._connection.call(lambda api: api.get_user(user_id)))

    def list_users(
        self,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        partial_user_id: str | None = None,
    ) -> "UserList":
        """List users, newest first.

        limit: 1-100. metadata_filter: what the metadata must contain. partial_user_id: a part of
        the id, whatever its case.

        Example:
            page = memory.list_users(metadata_filter={"plan": "pro"})
        """
        page = self._connection.call(
            lambda api: api.list_users(
                offset=offset,
                limit=limit,
                metadata_filter=metadata_filter,
                partial_user_id=partial_user_id,
            )
        )
        users = [User(self._connection, model) for model in page.items]
        return UserList(users, page.total, page.has_more)

    def wait_until_processed(self, timeout_s: float | None = None) -> None:
        """Return when no session is being processed or due any more.

        timeout_s: seconds to wait at most; None waits as long as it takes. Raises TimeoutError.

        Example:
            memory.wait_until_processed(timeout_s=60)
        """
        self._connection.call(lambda api: api.wait_until_processed(timeout_s=timeout_s))

    def close(self) -> None:
        """Finish the session in work, or release it for the next start, and let go of the file.

        Calling it again does nothing; any other call afterwards raises ClosedError.
        """
        self._connection.close()

    def __enter__(self) -> "Recollect":
        self._connection.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class User:
    """A user: the sessions and the memories of one person."""

    def __init__(self, connection: Connection, model: UserModel) -> None:
        self._connection = connection
        self._model = model

    @property
    def user_id(self) -> str:
        """The id that the application gave."""
        return self._model.user_id

    @property
    def metadata(self) -> Metadata:
        """What the application attached."""
        return self._model.metadata

    @property
    def merge_conflict_enabled(self) -> bool | None:
        """Whether contradictions are asked about; None inherits the project's setting."""
        return self._model.merge_conflict_enabled

    @property
    def created_at(self) -> datetime:
        """When the user was created, UTC."""
        return self._model.created_at

    @property
    def last_active_at(self) -> datetime:
        """When a session was last started or a message added, UTC."""
        return self._model.last_active_at

    def update(
        self,
        new_metadata: Metadata | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | Unset | None = UNSET,
    ) -> None:
        """Replace the metadata, rename, or switch merge conflicts; what is not given stays.

        Raises UserNotFoundError, and UserAlreadyExistsError when the new id is taken.

        Example:
            user.update(new_metadata={"plan": "free"})
        """
        self._model = self._connection.call(
            lambda api: api.update_user(
                self.user_id,
                new_metadata=new_metadata,
                new_user_id=new_user_id,
                merge_conflict_enabled=merge_conflict_enabled,
            )
        )

    def refresh(self) -> None:
        """Read the user again. Raises UserNotFoundError."""
        self._model = self._connection.call(lambda api: api.get_user(self.user_id))

    def delete(self) -> None:
        """Delete the user with all sessions, messages and memories. Raises UserNotFoundError."""
        self._connection.call(lambda api: api.delete_user(self.user_id))

    def create_session(
        self,
        auto_process_after_seconds: int | None = 600,
        metadata: Metadata | None = None,
        custom_created_at_utc: datetime | None = None,
    ) -> "Session":
        """Start a conversation.

        auto_process_after_seconds: inactivity after which it is processed by itself, 600 or more;
            None switches that off.
        custom_created_at_utc: the conversation's date, for importing history; must be UTC.
        Raises UserNotFoundError, ValidationError.

        Example:
            session = user.create_session(metadata={"channel": "web"})
        """
        model = self._connection.call(
            lambda api: api.create_session(
                self.user_id,
                metadata=metadata,
                auto_process_after_seconds=auto_process_after_seconds,
                custom_created_at_utc=custom_created_at_utc,
            )
        )
        return Session(self._connection, model)

    def get_session(self, session_id: str) -> "Session":
        """Read a session of this user. Raises UserNotFoundError, SessionNotFoundError."""
        model = self._connection.call(lambda api: api.get_session(self.user_id, session_id))
        return Session(self._connection, model)

    def list_sessions(
        self,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        status_filter: Sequence[SessionStatus] | None = None,
    ) -> "SessionList":
        """List sessions, newest first. limit: 1-100. Raises UserNotFoundError.

        Example:
            failed = user.list_sessions(status_filter=[SessionStatus.FAILED])
        """
        page = self._connection.call(
            lambda api: api.list_sessions(
                self.user_id,
                offset=offset,
                limit=limit,
                metadata_filter=metadata_filter,
                status_filter=status_filter,
            )
        )
        sessions = [Session(self._connection, model) for model in page.items]
        return SessionList(sessions, page.total, page.has_more)

    def list_memories(
        self,
        offset: int = 0,
        limit: int = 20,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        """List the current memories, newest first. limit: 1-200. Raises UserNotFoundError.

        The two filters keep the memories created by these sessions, or by sessions whose metadata
        contains this.

        Example:
            for memory in user.list_memories(limit=100).items:
                print(memory.content)
        """
        return self._connection.call(
            lambda api: api.list_memories(
                self.user_id,
                offset=offset,
                limit=limit,
                session_id_filter=session_id_filter,
                session_metadata_filter=session_metadata_filter,
                include_previous_versions=include_previous_versions,
                include_connected_memories=include_connected_memories,
            )
        )

    def get_memory(
        self,
        memory_id: str,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoryItem:
        """Read one version of a memory, current or superseded.

        Raises UserNotFoundError, MemoryNotFoundError.
        """
        return self._connection.call(
            lambda api: api.get_memory(
                self.user_id,
                memory_id,
                include_previous_versions=include_previous_versions,
                include_connected_memories=include_connected_memories,
            )
        )

    def delete_memory(self, memory_id: str, delete_previous_versions: bool = False) -> None:
        """Delete one version of a memory, or it and all earlier ones.

        The version before it becomes current again, unless that is deleted too.
        Raises UserNotFoundError, MemoryNotFoundError.
        """
        self._connection.call(
            lambda api: api.delete_memory(
                self.user_id, memory_id, delete_previous_versions=delete_previous_versions
            )
        )

    def get_last_n_messages(self, n: int) -> UserMessagesList:
        """The last n (1-100) messages over all sessions, oldest first.

        Raises UserNotFoundError.
        """
        return self._connection.call(lambda api: api.get_last_n_messages(self.user_id, n))

    def list_merge_conflicts(
        self, offset: int = 0, limit: int = 10, status: MergeConflictStatus | None = None
    ) -> "MergeConflictList":
        """List merge conflicts, newest first. limit: 1-100. Raises UserNotFoundError."""
        page = self._connection.call(
            lambda api: api.list_merge_conflicts(
                self.user_id, offset=offset, limit=limit, status=status
            )
        )
        return MergeConflictList(page.items, page.total, page.has_more)

    def get_merge_conflict(self, conflict_id: str) -> MergeConflictModel:
        """Read a merge conflict. Raises UserNotFoundError, MergeConflictNotFoundError."""
        return self._connection.call(lambda api: api.get_merge_conflict(self.user_id, conflict_id))

    def __repr__(self) -> str:
        return f"<User {self.user_id!r}>"


class Session:
    """A conversation: messages go in, context comes out, processing updates the memories."""

    def __init__(self, connection: Connection, model: SessionModel) -> None:
        self._connection = connection
        self._model = model

    @property
    def session_id(self) -> str:
        """The unique id of the session."""
        return self._model.session_id

    @property
    def user_id(self) -> str:
        """The id of the user it belongs to."""
        return self._model.user_id

    @property
    def status(self) -> SessionStatus:
        """Where it stood when it was last read."""
        return self._model.status

    @property
    def metadata(self) -> Metadata:
        """What the application attached."""
        return self._model.metadata

    @property
    def created_at(self) -> datetime:
        """The conversation's date, UTC."""
        return self._model.created_at

    @property
    def processed_at(self) -> datetime | None:
        """When it was processed, UTC; None while it is not."""
        return self._model.processed_at

    @property
    def auto_process_after_seconds(self) -> int | None:
        """Seconds of inactivity before it is processed by itself; None when switched off."""
        return self._model.auto_process_after_seconds

    @property
    def failure_reason(self) -> str | None:
        """Why the last try to process it failed; None if none did."""
        return self._model.failure_reason

    def update(self, new_metadata: Metadata) -> None:
        """Replace the metadata completely.

        Raises UserNotFoundError, SessionNotFoundError, ValidationError.
        """
        self._model = self._connection.call(
            lambda api: api.update_session(self.user_id, self.session_id, new_metadata)
        )

    def refresh(self) -> None:
        """Read the session again. Raises UserNotFoundError, SessionNotFoundError."""
        self._model = self._connection.call(
            lambda api: api.get_session(self.user_id, self.session_id)
        )

    def delete(self) -> None:
        """Delete the session, its messages, summary, and the memories that it created.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        self._connection.call(lambda api: api.delete_session(self.user_id, self.session_id))

    def add_message(self, role: MessageRole, content: str) -> None:
        """Append a message; it is on disk when this returns.

        Raises UserNotFoundError, SessionNotFoundError, ValidationError, and
        InvalidSessionStateError once processing has begun.

        Example:
            session.add_message(MessageRole.USER, "I moved to Lisbon last Friday.")
        """
        self._connection.call(
            lambda api: api.add_message(self.user_id, self.session_id, role, content)
        )

    def get_messages(self, offset: int = 0, limit: int = 50) -> SessionMessagesList:
        """A page of messages in the order in which they were added. limit: 1-500.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        return self._connection.call(
            lambda api: api.get_messages(self.user_id, self.session_id, offset=offset, limit=limit)
        )

    def get_context(  # noqa: PLR0913  the contract's own parameters
        self,
        recall_strategy: RecallStrategy = RecallStrategy.BALANCED,
        min_top_k: int = 15,
        max_top_k: int = 50,
        memories_threshold: float = 0.6,
        summaries_threshold: float = 0.5,
        last_n_messages: int | None = None,
        last_n_summaries: int | None = None,
        timezone: str = "UTC",
        include_system_prompt: bool = True,
        include_metadata_ids: bool = False,
        max_tokens: int | None = None,
    ) -> ContextResponse:
        """What a model should know about the user now, as a text to put before the conversation.

        recall_strategy: LOW_LATENCY (a few milliseconds), BALANCED, AGENTIC (follows connections),
            or AUTO, which picks one by the question.
        min_top_k, max_top_k: fewest (5-50) and most (10-100) memories.
        memories_threshold, summaries_threshold: similarity from 0.2 to 0.8 that they must reach;
            below it, memories only top up to min_top_k.
        last_n_messages (1-100), last_n_summaries (1-20): also show the latest of other sessions.
        timezone: IANA name in which timestamps are shown.
        max_tokens: the text never exceeds this (128 or more), system prompt included.
        Raises UserNotFoundError, SessionNotFoundError, ValidationError.

        Example:
            context = session.get_context(timezone="Europe/Lisbon").context
        """
        request = ContextRequest(
            recall_strategy=recall_strategy,
            min_top_k=min_top_k,
            max_top_k=max_top_k,
            memories_threshold=memories_threshold,
            summaries_threshold=summaries_threshold,
            last_n_messages=last_n_messages,
            last_n_summaries=last_n_summaries,
            timezone=timezone,
            include_system_prompt=include_system_prompt,
            include_metadata_ids=include_metadata_ids,
            max_tokens=max_tokens,
        )
        return self._connection.call(
            lambda api: api.get_context(self.user_id, self.session_id, request)
        )

    def process(self) -> None:
        """Start processing and return at once: PROCESSING now, PROCESSED (or FAILED) later.

        Raises UserNotFoundError, SessionNotFoundError, and InvalidSessionStateError for a session
        that is being processed or was.

        Example:
            session.process()
        """
        self._model = self._connection.call(lambda api: api.process(self.user_id, self.session_id))

    def __repr__(self) -> str:
        return f"<Session {self.session_id} of {self.user_id!r}, {self.status.value}>"


@dataclass(frozen=True, slots=True)
class UserList:
    """A page of users; `total` counts after filters and before paging."""

    users: list[User]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class SessionList:
    """A page of sessions; `total` counts after filters and before paging."""

    sessions: list[Session]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class MergeConflictList:
    """A page of merge conflicts; `total` counts after filters and before paging."""

    conflicts: list[MergeConflictModel]
    total: int
    has_more: bool

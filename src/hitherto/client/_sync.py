"""Clients and users.

`Hitherto` returns users, users return sessions. The objects have the state that was read last,
and change only through their own methods and `refresh()`.
Made from the async source by `scripts/unasync.py`; never edited.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from hitherto.api import UNSET, SortBy, SortOrder, Unset
from hitherto.client._sync_session import MergeConflict, Session
from hitherto.client.event_loop import Connection
from hitherto.client.http_transport import HttpParts
from hitherto.client.location import MemoryLocation
from hitherto.models import (
    DeletionReport,
    MergeConflictList,
    MergeConflictStatus,
    Metadata,
    SessionList,
    SessionStatus,
    UserList,
    UserMemoriesList,
    UserMemoryItem,
    UserMessagesList,
    UserModel,
)
from hitherto.settings import Settings
from hitherto.system import Parts

KEY_PREFIX = "rai_"
"""Prefix of every key."""


class Hitherto:
    """Long-term memory: embedded in this process, or the client of a server.

    location: the path of a file, made if it is not there, or `sqlite:///path`; `":memory:"` keeps
        nothing beyond `close()`. Or `postgresql://user:password@host/database`. An address that
        begins with http:// or https:// is a server's.
    settings: of an embedded memory; defaults and environment are used where it is left out.
    parts: an embedder, an inference, a clock of your own in place of the built-in ones (`Parts`);
        for a server, what carries and times the requests (`HttpParts`).
    api_key, project_id: what a server asks for.
    timeout_s: seconds that each part of a server's answer may take.

    One object serves a whole application and may be shared between its threads. It opens when it
    is made; `close()` finishes or releases the session in work, or ends the
    connections to the server. Raises ValidationError for arguments that do not belong together.

    Example:
        with Hitherto("memory.db") as memory:
            user = memory.create_user("alice")
    """

    def __init__(
        self,
        location: str | Path,
        *,
        settings: Settings | None = None,
        parts: Parts | HttpParts | None = None,
        api_key: str | None = None,
        project_id: str | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._connection = Connection(
            MemoryLocation(location, settings, parts, api_key, project_id, timeout_s)
        )

    def create_user(
        self,
        user_id: str,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
        idempotency_key: str | None = None,
        timezone: str | None = None,
    ) -> "User":
        """Create a user.

        user_id: 1-255 characters of your own choice, without / ? # \\ and control characters,
        without % before two hexadecimal digits, and without blanks at the ends.
        merge_conflict_enabled: whether contradictions are asked about; None inherits.
        idempotency_key: 1-255 characters; the same call made again with it is answered as it was
        and does nothing.
        timezone: IANA name of the zone in which the days of the user's sessions are read and shown;
        None is UTC.
        Raises UserAlreadyExistsError, ValidationError.

        Example:
            user = memory.create_user("alice", timezone="Europe/Lisbon")
        """
        model = self._connection.call(
            lambda api: api.create_user(
                user_id,
                metadata=metadata,
                merge_conflict_enabled=merge_conflict_enabled,
                timezone=timezone,
                idempotency_key=idempotency_key,
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
    ) -> "UserList[User]":
        """List users, newest first.

        limit: 1-100. metadata_filter: what the metadata must contain. partial_user_id: a part of
        the id, in any case of letters.

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

        A server can only be asked user by user, so there it costs a request for each user of the
        project and sees only sessions with the status PROCESSING; for a session of your own,
        `refresh()` it until its status has changed.

        timeout_s: seconds to wait at most; None waits as long as it takes. Raises TimeoutError.

        Example:
            memory.wait_until_processed(timeout_s=60)
        """
        self._connection.call(lambda api: api.wait_until_processed(timeout_s=timeout_s))

    def close(self) -> None:
        """Close the memory; the session in work is finished, or released for the next start.

        The client of a server closes its connections; the server keeps running.

        Calling it again does nothing; any other call afterwards raises ClosedError.
        """
        self._connection.close()

    def __enter__(self) -> "Hitherto":
        self._connection.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class RecallrAI(Hitherto):
    """Client of a server, with name and arguments of the hosted service's client.

    api_key, project_id: what the server asks for.
    base_url: the server. The default is one on this machine, not the hosted service, so that
        leaving it out can never send what users said to somebody else.
    timeout: seconds that each part of an answer may take.
    Raises ValueError for a key that does not begin with `rai_`.

    Example:
        client = RecallrAI(api_key="rai_...", project_id="...")
    """

    def __init__(
        self,
        api_key: str,
        project_id: str,
        base_url: str = "http://127.0.0.1:8000",
        timeout: float = 30,
    ) -> None:
        if not api_key.startswith(KEY_PREFIX):
            raise ValueError(f"api_key must begin with {KEY_PREFIX!r}")
        super().__init__(base_url, api_key=api_key, project_id=project_id, timeout_s=timeout)


class User:
    """A user: the sessions and the memories of one person."""

    def __init__(self, connection: Connection, model: UserModel) -> None:
        self._connection = connection
        self._model = model

    @property
    def user_id(self) -> str:
        """Id that the application gave."""
        return self._model.user_id

    @property
    def metadata(self) -> Metadata:
        """Metadata that the application attached."""
        return self._model.metadata

    @property
    def merge_conflict_enabled(self) -> bool | None:
        """Switch for merge conflicts; None inherits the project's setting."""
        return self._model.merge_conflict_enabled

    @property
    def created_at(self) -> datetime:
        """Time of creation, UTC."""
        return self._model.created_at

    @property
    def last_active_at(self) -> datetime:
        """Time of the last started session or added message, UTC."""
        return self._model.last_active_at

    @property
    def timezone(self) -> str | None:
        """IANA name of the zone in which days are read; None is UTC."""
        return self._model.timezone

    def update(
        self,
        new_metadata: Metadata | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | Unset | None = UNSET,
        timezone: str | Unset | None = UNSET,
    ) -> None:
        """Replace the metadata, rename, switch conflicts, set the zone; what is not given stays.

        timezone: for sessions that are not processed yet; the days of memories stay.
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
                timezone=timezone,
            )
        )

    def refresh(self) -> None:
        """Read the user again. Raises UserNotFoundError."""
        self._model = self._connection.call(lambda api: api.get_user(self.user_id))

    def delete(self) -> DeletionReport:
        """Delete the user with all sessions, messages and memories. Raises UserNotFoundError."""
        return self._connection.call(lambda api: api.delete_user(self.user_id))

    def create_session(
        self,
        auto_process_after_seconds: int | None = 600,
        metadata: Metadata | None = None,
        custom_created_at_utc: datetime | None = None,
        idempotency_key: str | None = None,
        timezone: str | None = None,
    ) -> Session:
        """Start a conversation.

        auto_process_after_seconds: inactivity after which it is processed by itself, 600 to
            316,224,000 (ten years); None switches that off.
        custom_created_at_utc: the conversation's date, for importing history; must be UTC.
        idempotency_key: as for `create_user`.
        timezone: as for `create_user`, for this session alone; None is the user's.
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
                timezone=timezone,
                idempotency_key=idempotency_key,
            )
        )
        return Session(self._connection, model)

    def get_session(
        self, session_id: str, include_summary: bool = False, include_memories: bool = False
    ) -> Session:
        """Read a session of this user.

        include_summary, include_memories: whether to fill in `session_summary` and `memories`.
        Raises UserNotFoundError, SessionNotFoundError.
        """
        model = self._connection.call(
            lambda api: api.get_session(
                self.user_id,
                session_id,
                include_summary=include_summary,
                include_memories=include_memories,
            )
        )
        return Session(self._connection, model)

    def list_sessions(
        self,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        status_filter: Sequence[SessionStatus] | None = None,
    ) -> SessionList[Session]:
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
        categories: Sequence[str] | None = None,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        """List the current memories, newest first. limit: 1-200.

        categories: names of which a memory has at least one. The two other filters keep the
        memories created by these sessions, or by sessions whose metadata contains this.
        Raises UserNotFoundError, and InvalidCategoriesError for a name the project does not have.

        Example:
            for memory in user.list_memories(limit=100).items:
                print(memory.content)
        """
        return self._connection.call(
            lambda api: api.list_memories(
                self.user_id,
                offset=offset,
                limit=limit,
                categories=categories,
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

    def list_doubtful_memories(self, offset: int = 0, limit: int = 20) -> UserMemoriesList:
        """List the current memories that are in doubt, the latest doubt first. limit: 1-200.

        `doubt_reason` says what changed. Confirm memories that are still true, end the others.
        Raises UserNotFoundError.

        Example:
            for memory in user.list_doubtful_memories().items:
                print(memory.content, "?", memory.doubt_reason)
        """
        return self._connection.call(
            lambda api: api.list_doubtful_memories(self.user_id, offset=offset, limit=limit)
        )

    def confirm_memory(self, memory_id: str) -> UserMemoryItem:
        """Clear the doubt about a memory; without a doubt nothing changes.

        Raises UserNotFoundError, MemoryNotFoundError, and ValidationError for one that has expired.
        """
        return self._connection.call(lambda api: api.confirm_memory(self.user_id, memory_id))

    def end_memory(self, memory_id: str) -> UserMemoryItem:
        """Expire a memory that is no longer true, without a later version.

        It is in no list or context any more; `get_memory` still reads it, and `delete_memory`
        deletes it for good. An expired memory stays as it is.
        Raises UserNotFoundError, MemoryNotFoundError.
        """
        return self._connection.call(lambda api: api.end_memory(self.user_id, memory_id))

    def delete_memory(
        self, memory_id: str, delete_previous_versions: bool = False
    ) -> DeletionReport:
        """Delete one version of a memory, or it and all earlier ones.

        The version before it becomes current again, unless that is deleted too. Sentences of
        messages and summaries that say what is deleted are taken out of them.
        Raises UserNotFoundError, MemoryNotFoundError.
        """
        return self._connection.call(
            lambda api: api.delete_memory(
                self.user_id, memory_id, delete_previous_versions=delete_previous_versions
            )
        )

    def get_last_n_messages(self, n: int) -> UserMessagesList:
        """Return the last n (1-100) messages over all sessions, oldest first.

        Raises UserNotFoundError.
        """
        return self._connection.call(lambda api: api.get_last_n_messages(self.user_id, n))

    def list_merge_conflicts(
        self,
        offset: int = 0,
        limit: int = 10,
        status: MergeConflictStatus | None = None,
        sort_by: SortBy = "created_at",
        sort_order: SortOrder = "desc",
    ) -> MergeConflictList[MergeConflict]:
        """List merge conflicts, newest first. limit: 1-100. Raises UserNotFoundError.

        sort_by: "created_at" or "resolved_at". sort_order: "desc" or "asc".

        Example:
            page = user.list_merge_conflicts(status=MergeConflictStatus.PENDING)
        """
        page = self._connection.call(
            lambda api: api.list_merge_conflicts(
                self.user_id,
                offset=offset,
                limit=limit,
                status=status,
                sort_by=sort_by,
                sort_order=sort_order,
            )
        )
        conflicts = [MergeConflict(self._connection, self.user_id, model) for model in page.items]
        return MergeConflictList(conflicts, page.total, page.has_more)

    def get_merge_conflict(self, conflict_id: str) -> MergeConflict:
        """Read a merge conflict. Raises UserNotFoundError, MergeConflictNotFoundError."""
        model = self._connection.call(lambda api: api.get_merge_conflict(self.user_id, conflict_id))
        return MergeConflict(self._connection, self.user_id, model)

    def __repr__(self) -> str:
        return f"<User {self.user_id!r}>"

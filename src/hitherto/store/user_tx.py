"""The verbs that concern one user. Every statement here is run with that user's id."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hitherto.errors import InvalidSessionStateError, SessionNotFoundError, ValidationError
from hitherto.models import (
    Evidence,
    ExpirationReason,
    MemoryRelationship,
    MemoryVersion,
    Message,
    MessageRole,
    Metadata,
    SessionModel,
    SessionStatus,
    UserMessage,
    UserModel,
)
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.embedders import RecordedEmbedder, in_slot, recorded_embedder
from hitherto.store.user_erasure import UserErasure
from hitherto.store.webhook_tx import UserOutbox

_RETRYABLE = (SessionStatus.FAILED, SessionStatus.INSUFFICIENT_BALANCE)
_PROCESSABLE = (SessionStatus.PENDING, *_RETRYABLE)


@dataclass(frozen=True, slots=True)
class Revision:
    """Where a user's recallable state stands.

    number: grows with every change. rebuilt_at: its value at the last change that removed anything.
    """

    number: int
    rebuilt_at: int


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as stored: `vector` is the stored bytes."""

    session_id: str
    position: int
    kind: str
    start_char: int
    end_char: int
    vector: bytes


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """A session's summary as stored."""

    session_id: str
    created_at: datetime
    content: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class OngoingSession:
    """A session that is not processed yet, with all its messages."""

    session_id: str
    created_at: datetime
    messages: list[Message]


class UserTx(UserErasure, UserOutbox):
    """The part of a transaction that is bound to one user."""

    def __init__(self, run: Run, row: Row) -> None:
        super().__init__(run, row["user_id"])
        self._row = row
        self._embedder: RecordedEmbedder | None = None
        self.project_id = row["project_id"]
        self.model: UserModel = rows.to_user(row)

    # The user

    def revision(self) -> Revision:
        """Where the user's recallable state stands in this transaction."""
        return Revision(self._row["revision"], self._row["rebuilt_at"])

    def advance(self, *, removed: bool) -> int:
        """Count a change of the recallable state; `removed` when something was taken away."""
        name = "advance_revision_after_removal" if removed else "advance_revision"
        number: int = self._run(name)[0]["revision"]
        return number

    def embedder(self) -> RecordedEmbedder:
        """The embedder that made the vectors of this state. Raises StoreError for none."""
        if self._embedder is None:
            self._embedder = recorded_embedder(self._run("current_embedder"))
        return self._embedder

    def was_created_by(self, idempotency_key: str | None) -> bool:
        """Whether the call that created the user had this key; never for None."""
        return idempotency_key is not None and self._row["idempotency_key"] == idempotency_key

    def touch(self, now: datetime) -> None:
        """Note that the user was active."""
        self._run("touch_user", now=rows.to_micros(now))

    def delete(self) -> None:
        """Delete the user with everything that belongs to them."""
        self._run("delete_user")

    # Sessions and messages

    def create_session(
        self,
        session_id: str,
        metadata: Metadata,
        created_at: datetime | None,
        auto_process_after_s: int | None,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> SessionModel:
        """Insert a session; its inactivity counts from `now`, whatever `created_at` is.

        created_at: None for `now`.
        """
        row = self._run(
            "insert_session",
            session_id=session_id,
            metadata=rows.to_json(metadata),
            created_at=rows.to_micros(now if created_at is None else created_at),
            recorded_at=rows.to_micros(now),
            auto_process_after_s=auto_process_after_s,
            due_at=_due_at(now, auto_process_after_s),
            idempotency_key=idempotency_key,
        )[0]
        return rows.to_session(row, self.model.user_id)

    def repeated_session(
        self,
        idempotency_key: str,
        metadata: Metadata,
        created_at: datetime | None,
        auto_process_after_s: int | None,
    ) -> SessionModel | None:
        """The session that the same call created with this key, as it is now, or None.

        Raises ValidationError when the session of that key is another one.
        """
        found = self._run("find_repeated_session", idempotency_key=idempotency_key)
        if not found:
            return None
        row = found[0]
        created_micros = row["recorded_at"] if created_at is None else rows.to_micros(created_at)
        if (
            row["created_at"] != created_micros
            or row["auto_process_after_s"] != auto_process_after_s
            or not rows.same_json(rows.from_json(row["metadata"]), metadata)
        ):
            raise _used_otherwise(idempotency_key)
        return rows.to_session(row, self.model.user_id)

    def session(self, session_id: str) -> SessionModel:
        """Read a session. Raises SessionNotFoundError."""
        return rows.to_session(self._session_row(session_id), self.model.user_id)

    def session_summary(self, session_id: str) -> str | None:
        """What a session was about, or None before it was processed."""
        found = self._run("session_summary", session_id=session_id)
        return found[0]["content"] if found else None

    def session_memories(self, session_id: str) -> list[MemoryRelationship]:
        """The current memories that a session created, in the order in which it did."""
        found = self._run("session_memories", session_id=session_id)
        return [MemoryRelationship(row["memory_id"], row["content"]) for row in found]

    def count_sessions(self) -> int:
        """How many sessions the user has."""
        total: int = self._run("count_sessions")[0]["total"]
        return total

    def page_sessions(self, offset: int, limit: int) -> list[SessionModel]:
        """Sessions, newest first."""
        found = self._run("page_sessions", offset=offset, limit=limit)
        return [rows.to_session(row, self.model.user_id) for row in found]

    def scan_sessions(self) -> list[SessionModel]:
        """All sessions, newest first."""
        return [rows.to_session(row, self.model.user_id) for row in self._run("scan_sessions")]

    def update_session(self, session_id: str, metadata: Metadata) -> SessionModel:
        """Replace a session's metadata. Raises SessionNotFoundError."""
        found = self._run("update_session", session_id=session_id, metadata=rows.to_json(metadata))
        if not found:
            raise _session_not_found(session_id)
        return rows.to_session(found[0], self.model.user_id)

    def delete_session(self, session_id: str) -> None:
        """Delete a session's row and all that hangs on it."""
        self.forget_merge_conflicts(session_id)
        self._run("delete_session", session_id=session_id)

    def make_due(self, session_id: str, now: datetime) -> SessionModel:
        """Put a session in line. Raises SessionNotFoundError, InvalidSessionStateError."""
        return self._make_due(session_id, now, _PROCESSABLE, "process")

    def retry_session(self, session_id: str, now: datetime) -> SessionModel:
        """`make_due` for a session that has failed, and for no other."""
        return self._make_due(session_id, now, _RETRYABLE, "retry")

    def _make_due(
        self, session_id: str, now: datetime, allowed: Sequence[SessionStatus], verb: str
    ) -> SessionModel:
        status = rows.member(SessionStatus, self._session_row(session_id)["status"])
        if status not in allowed:
            raise InvalidSessionStateError(f"Cannot {verb} session with status {status.value}")
        row = self._run("make_due", session_id=session_id, now=rows.to_micros(now))[0]
        self._run("announce_work")
        return rows.to_session(row, self.model.user_id)

    def add_message(
        self,
        session_id: str,
        role: MessageRole,
        content: str,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> None:
        """Append a message and start the inactivity anew.

        Raises SessionNotFoundError, InvalidSessionStateError.
        """
        row = self._session_row(session_id)
        status = rows.member(SessionStatus, row["status"])
        if status is not SessionStatus.PENDING:
            raise InvalidSessionStateError(
                f"Cannot add message to session with status {status.value}"
            )
        self._run(
            "insert_message",
            session_id=session_id,
            position=row["message_count"],
            role=role.value,
            content=content,
            added_at=rows.to_micros(now),
            idempotency_key=idempotency_key,
        )
        self._run(
            "count_message",
            session_id=session_id,
            due_at=_due_at(now, row["auto_process_after_s"]),
        )

    def has_repeated_message(
        self, session_id: str, idempotency_key: str, role: MessageRole, content: str
    ) -> bool:
        """Whether the same call has added this message with this key, in whatever state since.

        Raises SessionNotFoundError, and ValidationError when the message of that key is another.
        """
        self._session_row(session_id)
        found = self._run(
            "find_repeated_message", session_id=session_id, idempotency_key=idempotency_key
        )
        if not found:
            return False
        if found[0]["role"] != role.value or found[0]["content"] != content:
            raise _used_otherwise(idempotency_key)
        return True

    def count_messages(self, session_id: str) -> int:
        """How many messages a session has. Raises SessionNotFoundError."""
        total: int = self._session_row(session_id)["message_count"]
        return total

    def page_messages(self, session_id: str, offset: int, limit: int) -> list[Message]:
        """A session's messages in order."""
        found = self._run("page_messages", session_id=session_id, offset=offset, limit=limit)
        return [rows.to_message(row) for row in found]

    def messages(self, session_id: str) -> list[Message]:
        """All messages of a session in order."""
        return [
            rows.to_message(row) for row in self._run("session_messages", session_id=session_id)
        ]

    def latest_session_messages(self, session_id: str, limit: int) -> list[Message]:
        """The last messages of a session, oldest first."""
        found = self._run("latest_session_messages", session_id=session_id, limit=limit)
        return [rows.to_message(row) for row in reversed(found)]

    def latest_messages(self, limit: int) -> list[UserMessage]:
        """The last messages over all sessions, oldest first."""
        return _user_messages(self._run("latest_messages", limit=limit))

    def latest_messages_except(self, session_id: str, limit: int) -> list[UserMessage]:
        """The last messages over all other sessions, oldest first."""
        return _user_messages(
            self._run("latest_messages_except", except_session_id=session_id, limit=limit)
        )

    def ongoing_sessions(self, except_session_id: str) -> list[OngoingSession]:
        """The sessions not processed yet that hold messages, newest first."""
        sessions: dict[str, OngoingSession] = {}
        for row in self._run("ongoing_messages", except_session_id=except_session_id):
            session = sessions.setdefault(
                row["session_id"],
                OngoingSession(row["session_id"], rows.from_micros(row["created_at"]), []),
            )
            session.messages.append(rows.to_message(row))
        return list(sessions.values())

    # Memories

    def versions(self) -> dict[str, MemoryVersion]:
        """All versions of all memories, newest first, with their evidence."""
        evidence = self.evidence_since(0)
        found = [rows.to_version(row) for row in self._run("load_versions")]
        return {
            version.memory_id: replace(version, evidence=evidence.get(version.memory_id, ()))
            for version in found
        }

    def evidence_since(self, revision: int) -> dict[str, tuple[Evidence, ...]]:
        """The messages that versions rest on, of those noted after a revision."""
        grouped: defaultdict[str, list[Evidence]] = defaultdict(list)
        for row in self._run("load_evidence", since=revision):
            grouped[row["memory_id"]].append(Evidence(row["session_id"], row["position"]))
        return {memory_id: tuple(found) for memory_id, found in grouped.items()}

    def memory_categories(self) -> dict[str, list[str]]:
        """The names of each version's categories, sorted; versions without any are left out."""
        grouped: defaultdict[str, list[str]] = defaultdict(list)
        for row in self._run("load_memory_categories"):
            grouped[row["memory_id"]].append(row["name"])
        return {memory_id: sorted(names) for memory_id, names in grouped.items()}

    def category_names(self) -> set[str]:
        """The names of the categories of the user's project."""
        found = self._run("list_categories", project_id=self.project_id)
        return {row["name"] for row in found}

    def connections_since(self, revision: int) -> list[tuple[str, str]]:
        """The connections made after a revision, each once."""
        found = self._run("load_connections", since=revision)
        return [(row["memory_id"], row["connected_id"]) for row in found]

    def memories_since(self, revision: int) -> list[tuple[MemoryVersion, bytes]]:
        """Versions written after a revision, each with its stored vector."""
        found = self._run("load_memories", since=revision, slot=self.embedder().slot)
        return [(rows.to_version(row), row["chosen_vector"]) for row in found]

    def passages_since(self, revision: int) -> list[StoredPassage]:
        """Passages written after a revision, by session, position and order."""
        return [
            StoredPassage(
                row["session_id"],
                row["position"],
                row["kind"],
                row["start_char"],
                row["end_char"],
                row["chosen_vector"],
            )
            for row in self._run("load_passages", since=revision, slot=self.embedder().slot)
        ]

    def summaries_since(self, revision: int) -> list[StoredSummary]:
        """Summaries written after a revision, by session date."""
        return [
            StoredSummary(
                row["session_id"],
                rows.from_micros(row["created_at"]),
                row["content"],
                row["chosen_vector"],
            )
            for row in self._run("load_summaries", since=revision, slot=self.embedder().slot)
        ]

    def session_messages_since(self, revision: int) -> dict[str, list[Message]]:
        """The messages of the sessions whose summaries are newer than a revision, in order."""
        grouped: defaultdict[str, list[Message]] = defaultdict(list)
        for row in self._run("load_session_messages", since=revision):
            grouped[row["session_id"]].append(rows.to_message(row))
        return dict(grouped)

    def insert_memory(
        self,
        version: MemoryVersion,
        why: str,
        vector: NDArray[np.float32],
        ordinal: int,
        revision: int,
    ) -> None:
        """Insert a version with its evidence; ordinal: its place among those of its session."""
        self._run(
            "insert_memory",
            memory_id=version.memory_id,
            session_id=version.session_id,
            content=version.content,
            event_date_start=rows.to_micros(version.event_date_start),
            event_date_end=rows.to_micros(version.event_date_end),
            created_at=rows.to_micros(version.created_at),
            previous_id=version.previous_id,
            expired_at=None if version.expired_at is None else rows.to_micros(version.expired_at),
            expiration_reason=(
                None if version.expiration_reason is None else version.expiration_reason.value
            ),
            merge_conflict_id=version.merge_conflict_id,
            said_by=version.said_by.value,
            confidence=version.confidence,
            model=version.model,
            prompt_hash=version.prompt_hash,
            reason=why,
            ordinal=ordinal,
            revision=revision,
            **in_slot(self.embedder().slot, rows.to_bytes(vector)),
        )
        self.insert_evidence(version.memory_id, version.evidence, revision)

    def insert_memory_categories(self, memory_id: str, category_ids: Iterable[str]) -> None:
        """Give a version categories of its project; those deleted meanwhile are left out."""
        self._run_many(
            "insert_memory_category",
            ({"memory_id": memory_id, "category_id": category_id} for category_id in category_ids),
        )

    def insert_evidence(self, memory_id: str, evidence: Sequence[Evidence], revision: int) -> None:
        """Add messages that a version rests on; those it has already stay."""
        self._run_many(
            "insert_evidence",
            (
                {
                    "memory_id": memory_id,
                    "session_id": item.session_id,
                    "position": item.position,
                    "revision": revision,
                }
                for item in evidence
            ),
        )

    def expire_memory(
        self,
        memory_id: str,
        expired_at: datetime,
        reason: ExpirationReason,
        revision: int,
        merge_conflict_id: str | None = None,
    ) -> None:
        """Mark a version as superseded; with the conflict that said so, if it was one."""
        self._run(
            "expire_memory",
            memory_id=memory_id,
            expired_at=rows.to_micros(expired_at),
            expiration_reason=reason.value,
            merge_conflict_id=merge_conflict_id,
            revision=revision,
        )

    def revive_memory(self, memory_id: str, revision: int) -> None:
        """Make a superseded version current again."""
        self._run("revive_memory", memory_id=memory_id, revision=revision)

    def relink_memory(self, memory_id: str, previous_id: str | None, revision: int) -> None:
        """Give a version another predecessor."""
        self._run("relink_memory", memory_id=memory_id, previous_id=previous_id, revision=revision)

    def delete_memory(self, memory_id: str) -> None:
        """Delete a version with its evidence, its connections and the doubts that it raised."""
        self._run("lift_doubts_by", memory_id=memory_id)
        self._run("delete_memory", memory_id=memory_id)

    def insert_connections(self, pairs: Iterable[tuple[str, str]], revision: int) -> None:
        """Connect memories, in either order."""
        ordered = (sorted(pair) for pair in pairs)
        self._run_many(
            "insert_connection",
            (
                {"memory_id": low, "connected_id": high, "revision": revision}
                for low, high in ordered
                if low != high
            ),
        )

    def insert_passages(
        self, session_id: str, passages: Sequence[StoredPassage], revision: int
    ) -> None:
        """Insert a session's passages in the order given."""
        slot = self.embedder().slot
        self._run_many(
            "insert_passage",
            (
                {
                    "session_id": session_id,
                    "position": passage.position,
                    "ordinal": ordinal,
                    "kind": passage.kind,
                    "start_char": passage.start_char,
                    "end_char": passage.end_char,
                    "revision": revision,
                    **in_slot(slot, passage.vector),
                }
                for ordinal, passage in enumerate(passages)
            ),
        )

    def insert_summary(
        self, session_id: str, content: str, vector: NDArray[np.float32], revision: int
    ) -> None:
        """Insert a session's summary."""
        self._run(
            "insert_summary",
            session_id=session_id,
            content=content,
            revision=revision,
            **in_slot(self.embedder().slot, rows.to_bytes(vector)),
        )

    def _session_row(self, session_id: str) -> Row:
        if not rows.is_storable(session_id):
            raise _session_not_found(ascii(session_id))
        found = self._run("get_session", session_id=session_id)
        if not found:
            raise _session_not_found(session_id)
        return found[0]


def _user_messages(newest_first: Sequence[Row]) -> list[UserMessage]:
    return [
        UserMessage(
            rows.member(MessageRole, row["role"]),
            row["content"],
            rows.from_micros(row["added_at"]),
            row["session_id"],
        )
        for row in reversed(newest_first)
    ]


def _session_not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(f"Session {session_id} not found")


def _used_otherwise(idempotency_key: str) -> ValidationError:
    return ValidationError(
        f"idempotency_key {idempotency_key!r} came before with other arguments; "
        "repeat the call as it was, or give a new call a new key"
    )


def _due_at(now: datetime, auto_process_after_s: int | None) -> int | None:
    if auto_process_after_s is None:
        return None
    return rows.to_micros(now + timedelta(seconds=auto_process_after_s))

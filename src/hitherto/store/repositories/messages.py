"""A user's messages."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hitherto.errors import (
    InvalidSessionStateError,
)
from hitherto.models import (
    Message,
    MessageRole,
    SessionStatus,
    UserMessage,
)
from hitherto.store import rows
from hitherto.store.database import Row
from hitherto.store.repositories.queue import queue_user
from hitherto.store.repositories.sessions import due_at, session_row, used_otherwise
from hitherto.store.repositories.user_run import UserRun


@dataclass(frozen=True, slots=True)
class OngoingSession:
    """A session that is not processed yet, with all its messages."""

    session_id: str
    created_at: datetime
    messages: list[Message]


class MessageRows:
    """Messages of one user's sessions."""

    def __init__(self, run: UserRun) -> None:
        self._run = run

    def add(
        self,
        session_id: str,
        role: MessageRole,
        content: str,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> None:
        """Append a message and restart the inactivity period.

        Raises SessionNotFoundError, InvalidSessionStateError.
        """
        row = session_row(self._run, session_id)
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
        next_due_at = due_at(now, row["auto_process_after_s"])
        self._run("count_message", session_id=session_id, due_at=next_due_at)
        queue_user(self._run, next_due_at)

    def is_repeated(
        self, session_id: str, idempotency_key: str, role: MessageRole, content: str
    ) -> bool:
        """Return whether the same call has added this message with this key.

        Raises SessionNotFoundError, and ValidationError when the message of that key is another.
        """
        session_row(self._run, session_id)
        records = self._run(
            "find_repeated_message", session_id=session_id, idempotency_key=idempotency_key
        )
        if not records:
            return False
        if records[0]["role"] != role.value or records[0]["content"] != content:
            raise used_otherwise(idempotency_key)
        return True

    def count(self, session_id: str) -> int:
        """Count the messages of a session. Raises SessionNotFoundError."""
        total: int = session_row(self._run, session_id)["message_count"]
        return total

    def page(self, session_id: str, offset: int, limit: int) -> list[Message]:
        """A session's messages in order."""
        records = self._run("page_messages", session_id=session_id, offset=offset, limit=limit)
        return [rows.to_message(row) for row in records]

    def of_session(self, session_id: str) -> list[Message]:
        """Return the messages of a session in order."""
        return [
            rows.to_message(row) for row in self._run("session_messages", session_id=session_id)
        ]

    def latest_of_session(self, session_id: str, limit: int) -> list[Message]:
        """Return the last messages of a session, oldest first."""
        records = self._run("latest_session_messages", session_id=session_id, limit=limit)
        return [rows.to_message(row) for row in reversed(records)]

    def latest(self, limit: int) -> list[UserMessage]:
        """Return the last messages over all sessions, oldest first."""
        return _user_messages(self._run("latest_messages", limit=limit))

    def latest_except(self, session_id: str, limit: int) -> list[UserMessage]:
        """Return the last messages over all other sessions, oldest first."""
        return _user_messages(
            self._run("latest_messages_except", except_session_id=session_id, limit=limit)
        )

    def ongoing(self, except_session_id: str) -> list[OngoingSession]:
        """Return unprocessed sessions that have messages, newest first."""
        sessions: dict[str, OngoingSession] = {}
        for row in self._run("ongoing_messages", except_session_id=except_session_id):
            session = sessions.setdefault(
                row["session_id"],
                OngoingSession(row["session_id"], rows.from_micros(row["created_at"]), []),
            )
            session.messages.append(rows.to_message(row))
        return list(sessions.values())

    def unprocessed(self) -> list[tuple[str, int, str]]:
        """Return session id, position and content of messages in unprocessed sessions."""
        records = self._run("load_unprocessed_messages")
        return [(row["session_id"], row["position"], row["content"]) for row in records]

    def since(self, revision: int) -> dict[str, list[Message]]:
        """Return the messages of sessions whose summary is newer than a revision."""
        grouped: defaultdict[str, list[Message]] = defaultdict(list)
        for row in self._run("load_session_messages", since=revision):
            grouped[row["session_id"]].append(rows.to_message(row))
        return dict(grouped)

    def redact(self, session_id: str, position: int, content: str) -> None:
        """Give a message another text."""
        self._run("redact_message", session_id=session_id, position=position, content=content)


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

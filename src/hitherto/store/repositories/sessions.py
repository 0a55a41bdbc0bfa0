"""A user's sessions."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hitherto.api import Unset
from hitherto.core.dates.formatting import in_zone, stored_zone
from hitherto.errors import InvalidSessionStateError, SessionNotFoundError, ValidationError
from hitherto.models import Metadata, SessionModel, SessionStatus
from hitherto.store import rows
from hitherto.store.database import Row
from hitherto.store.repositories.queue import queue_user, requeue_user
from hitherto.store.repositories.user_run import UserRun

_RETRYABLE = (SessionStatus.FAILED, SessionStatus.INSUFFICIENT_BALANCE)
_PROCESSABLE = (SessionStatus.PENDING, *_RETRYABLE)


class SessionRows:
    """Sessions of one user."""

    def __init__(self, run: UserRun, custom_user_id: str) -> None:
        self._run = run
        self._user_id = custom_user_id

    def create(
        self,
        session_id: str,
        metadata: Metadata,
        created_at: datetime | None,
        auto_process_after_s: int | None,
        now: datetime,
        idempotency_key: str | None = None,
        timezone: str | None = None,
    ) -> SessionModel:
        """Insert a session; its inactivity counts from `now`, whatever `created_at` is.

        created_at: None for `now`.
        """
        first_due_at = due_at(now, auto_process_after_s)
        row = self._run(
            "insert_session",
            session_id=session_id,
            metadata=rows.to_json(metadata),
            timezone=timezone,
            created_at=rows.to_micros(now if created_at is None else created_at),
            recorded_at=rows.to_micros(now),
            auto_process_after_s=auto_process_after_s,
            due_at=first_due_at,
            idempotency_key=idempotency_key,
        )[0]
        queue_user(self._run, first_due_at)
        return rows.to_session(row, self._user_id)

    def find_repeated(
        self,
        idempotency_key: str,
        metadata: Metadata,
        created_at: datetime | None,
        auto_process_after_s: int | None,
        timezone: str | None,
    ) -> SessionModel | None:
        """Return the session that the same call created with this key, or None.

        Raises ValidationError when the session of that key is another one.
        """
        records = self._run("find_repeated_session", idempotency_key=idempotency_key)
        if not records:
            return None
        row = records[0]
        created_micros = row["recorded_at"] if created_at is None else rows.to_micros(created_at)
        if (
            row["created_at"] != created_micros
            or row["auto_process_after_s"] != auto_process_after_s
            or row["timezone"] != timezone
            or not rows.same_json(rows.from_json(row["metadata"]), metadata)
        ):
            raise used_otherwise(idempotency_key)
        return rows.to_session(row, self._user_id)

    def get(self, session_id: str) -> SessionModel:
        """Read a session. Raises SessionNotFoundError."""
        return rows.to_session(session_row(self._run, session_id), self._user_id)

    def get_recorded(self, session_id: str) -> tuple[SessionModel, datetime]:
        """Read a session, and when it was created by the clock, whatever date it was given.

        Raises SessionNotFoundError.
        """
        row = session_row(self._run, session_id)
        return rows.to_session(row, self._user_id), rows.from_micros(row["recorded_at"])

    def read_at(self, session_id: str) -> datetime:
        """Return a session's date, in the zone in which its days were read.

        Raises SessionNotFoundError.
        """
        row = session_row(self._run, session_id)
        return in_zone(rows.from_micros(row["created_at"]), stored_zone(row["read_in"]))

    def count(self) -> int:
        """Count the user's sessions."""
        total: int = self._run("count_sessions")[0]["total"]
        return total

    def page(self, offset: int, limit: int) -> list[SessionModel]:
        """Sessions, newest first."""
        records = self._run("page_sessions", offset=offset, limit=limit)
        return [rows.to_session(row, self._user_id) for row in records]

    def scan(self) -> Iterator[SessionModel]:
        """Yield all sessions, newest first, read in parts."""
        for row in rows.scanned(self._run, "scan_sessions", "session_id"):
            yield rows.to_session(row, self._user_id)

    def update(
        self, session_id: str, metadata: Metadata | None, timezone: str | Unset | None
    ) -> SessionModel:
        """Replace a session's metadata and zone; None and UNSET leave them.

        Raises SessionNotFoundError.
        """
        row = session_row(self._run, session_id)
        stored = rows.from_json(row["metadata"])
        if metadata is not None and stored and not rows.same_json(stored, metadata):
            self._run.note_replacement()
        records = self._run(
            "update_session",
            session_id=session_id,
            metadata=row["metadata"] if metadata is None else rows.to_json(metadata),
            timezone=row["timezone"] if isinstance(timezone, Unset) else timezone,
        )
        if not records:
            raise _session_not_found(session_id)
        return rows.to_session(records[0], self._user_id)

    def delete(self, session_id: str) -> None:
        """Delete a session's row and all that hangs on it."""
        self._run("forget_merge_conflicts", session_id=session_id)
        self._run("delete_session", session_id=session_id)
        requeue_user(self._run)

    def make_due(self, session_id: str, now: datetime) -> SessionModel:
        """Put a session in line. Raises SessionNotFoundError, InvalidSessionStateError."""
        return self._make_due(session_id, now, _PROCESSABLE, "process")

    def retry(self, session_id: str, now: datetime) -> SessionModel:
        """`make_due` for a session that has failed, and for no other."""
        return self._make_due(session_id, now, _RETRYABLE, "retry")

    def _make_due(
        self, session_id: str, now: datetime, allowed: Sequence[SessionStatus], verb: str
    ) -> SessionModel:
        status = rows.member(SessionStatus, session_row(self._run, session_id)["status"])
        if status not in allowed:
            raise InvalidSessionStateError(f"Cannot {verb} session with status {status.value}")
        row = self._run("make_due", session_id=session_id, now=rows.to_micros(now))[0]
        queue_user(self._run, row["due_at"])
        self._run("announce_work")
        return rows.to_session(row, self._user_id)

    def interrupt(self, session_ids: Collection[str]) -> None:
        """Make workers start over on sessions, as they are now."""
        for session_id in session_ids:
            self._run("interrupt_session", session_id=session_id)
        if session_ids:
            requeue_user(self._run)
            self._run("announce_work")

    def note_read_in(self, session_id: str, zone: ZoneInfo | None) -> None:
        """Keep the zone in which a session's days were read; None if none was given."""
        read_in = None if zone is None else zone.key
        self._run("note_read_in", session_id=session_id, read_in=read_in)

    def failure_reasons(self) -> list[tuple[str, str]]:
        """Return session id and reason of each session that has a failure reason."""
        return [
            (row["session_id"], row["failure_reason"]) for row in self._run("load_failure_reasons")
        ]

    def replace_failure_reason(self, session_id: str, reason: str) -> None:
        """Replace a session's failure reason."""
        self._run("replace_failure_reason", session_id=session_id, failure_reason=reason)


def session_row(run: UserRun, session_id: str) -> Row:
    """Return the row of a session. Raises SessionNotFoundError."""
    if not rows.is_storable(session_id):
        raise _session_not_found(ascii(session_id))
    records = run("get_session", session_id=session_id)
    if not records:
        raise _session_not_found(session_id)
    return records[0]


def _session_not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(f"Session {session_id} not found")


def used_otherwise(idempotency_key: str) -> ValidationError:
    """Return the error for a key that came before with another call."""
    return ValidationError(
        f"idempotency_key {idempotency_key!r} came before with other arguments; "
        "repeat the call as it was, or give a new call a new key"
    )


def due_at(now: datetime, auto_process_after_s: int | None) -> int | None:
    """Return when a session is due after inactivity, in microseconds; None for never."""
    if auto_process_after_s is None:
        return None
    return rows.to_micros(now + timedelta(seconds=auto_process_after_s))

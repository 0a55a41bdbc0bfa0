"""Domain verbs on one transaction: names of statements in, nouns out.

`Tx` speaks for one project; `Tx.user` gives a `UserTx`, which puts the user's id into every
statement it runs. Both are only valid inside `Store.read` or `Store.write`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recollect.errors import UserAlreadyExistsError, UserNotFoundError
from recollect.models import Metadata, UserModel
from recollect.store import rows
from recollect.store.database import Row, Run
from recollect.store.user_tx import UserTx


class Tx:
    """One transaction, for the users of one project."""

    def __init__(self, run: Run, project_id: str) -> None:
        self._run = run
        self._project_id = project_id

    def property_value(self, name: str) -> str | None:
        """A recorded property of the database, or None."""
        found = self._run("get_property", name=name)
        return found[0]["value"] if found else None

    def record_property(self, name: str, value: str) -> None:
        """Record a property that was not recorded before."""
        self._run("insert_property", name=name, value=value)

    def ensure_project(self, name: str, now: datetime) -> None:
        """Create the project of this transaction unless it is there."""
        self._run(
            "insert_project",
            project_id=self._project_id,
            name=name,
            created_at=rows.to_micros(now),
        )

    def user(self, custom_user_id: str) -> UserTx:
        """The part of the transaction that is bound to one user. Raises UserNotFoundError."""
        if not rows.is_storable(custom_user_id):
            raise UserNotFoundError(f"User {custom_user_id!a} not found")
        found = self._run("find_user", project_id=self._project_id, custom_user_id=custom_user_id)
        if not found:
            raise UserNotFoundError(f"User {custom_user_id} not found")
        return UserTx(self._run, found[0])

    def create_user(
        self,
        user_id: str,
        custom_user_id: str,
        metadata: Metadata,
        merge_conflict_enabled: bool | None,
        now: datetime,
    ) -> UserModel:
        """Insert a user. Raises UserAlreadyExistsError."""
        created = self._run(
            "insert_user",
            user_id=user_id,
            project_id=self._project_id,
            custom_user_id=custom_user_id,
            metadata=rows.to_json(metadata),
            merge_conflict_enabled=_flag(merge_conflict_enabled),
            created_at=rows.to_micros(now),
        )
        if not created:
            raise UserAlreadyExistsError(f"User with ID {custom_user_id} already exists")
        return rows.to_user(created[0])

    def count_users(self) -> int:
        """How many users the project has."""
        total: int = self._run("count_users", project_id=self._project_id)[0]["total"]
        return total

    def page_users(self, offset: int, limit: int) -> list[UserModel]:
        """Users, newest first."""
        found = self._run("page_users", project_id=self._project_id, offset=offset, limit=limit)
        return [rows.to_user(row) for row in found]

    def scan_users(self) -> list[UserModel]:
        """All users, newest first."""
        found = self._run("scan_users", project_id=self._project_id)
        return [rows.to_user(row) for row in found]

    def update_user(
        self,
        user: UserTx,
        custom_user_id: str,
        metadata: Metadata,
        merge_conflict_enabled: bool | None,
    ) -> UserModel:
        """Write a user's own fields. Raises UserAlreadyExistsError when the new id is taken."""
        holder = self._run("find_user", project_id=self._project_id, custom_user_id=custom_user_id)
        if holder and holder[0]["user_id"] != user.user_id:
            raise UserAlreadyExistsError(f"User with ID {custom_user_id} already exists")
        updated = self._run(
            "update_user",
            user_id=user.user_id,
            custom_user_id=custom_user_id,
            metadata=rows.to_json(metadata),
            merge_conflict_enabled=_flag(merge_conflict_enabled),
        )
        return rows.to_user(updated[0])


@dataclass(frozen=True, slots=True)
class Work:
    """A session that a worker has taken: whose, which try, and until when it is held."""

    user_id: str
    session_id: str
    lease_token: str
    created_at: datetime
    attempts: int
    failures: int


class WorkTx:
    """One transaction of the worker, which looks over all users and projects."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def is_due(self, now: datetime) -> bool:
        """Whether `claim` would find a session."""
        return bool(self._run("find_due", now=rows.to_micros(now)))

    def claim(self, now: datetime, lease_until: datetime, lease_token: str) -> Work | None:
        """Take the next due session, or None when there is none."""
        due = self._run("find_due", now=rows.to_micros(now))
        if not due:
            return None
        taken = self._run(
            "take_lease",
            user_id=due[0]["user_id"],
            session_id=due[0]["session_id"],
            lease_until=rows.to_micros(lease_until),
            lease_token=lease_token,
        )[0]
        return Work(
            user_id=taken["user_id"],
            session_id=taken["session_id"],
            lease_token=lease_token,
            created_at=rows.from_micros(taken["created_at"]),
            attempts=taken["attempts"],
            failures=taken["failures"],
        )

    def renew(self, work: Work, lease_until: datetime) -> bool:
        """Hold the session for longer. False when it is no longer held by this lease."""
        return self._held("renew_lease", work, lease_until=rows.to_micros(lease_until))

    def release(self, work: Work) -> bool:
        """Give the session back as if it had not been tried."""
        return self._held("release_lease", work)

    def finish(self, work: Work, now: datetime) -> bool:
        """Set the session to PROCESSED. False when it is no longer held by this lease."""
        return self._held("finish_session", work, now=rows.to_micros(now))

    def retry(self, work: Work, due_at: datetime, reason: str) -> bool:
        """Put the session back in line for later, after a failure."""
        return self._held(
            "retry_session", work, due_at=rows.to_micros(due_at), failure_reason=reason
        )

    def fail(self, work: Work, reason: str) -> bool:
        """Set the session to FAILED."""
        return self._held("fail_session", work, failure_reason=reason)

    def user(self, work: Work) -> UserTx:
        """The part of the transaction that is bound to the session's user.

        Raises UserNotFoundError when the user was deleted meanwhile.
        """
        found = self._run("get_user_row", user_id=work.user_id)
        if not found:
            raise UserNotFoundError("the user was deleted while the session was in work")
        return UserTx(self._run, found[0])

    def merge_conflicts_enabled(self, user: UserTx) -> bool:
        """Whether contradictions of this user are asked about: own switch, else the project's."""
        if user.model.merge_conflict_enabled is not None:
            return user.model.merge_conflict_enabled
        row = self._run("get_project", project_id=user.project_id)[0]
        return bool(row["merge_conflict_enabled"] == 1)

    def next_due(self, now: datetime) -> datetime | None:
        """When the next session that nobody holds becomes due, over all users."""
        return rows.optional_instant(self._run("next_due", now=rows.to_micros(now))[0]["due_at"])

    def count_unprocessed(self, now: datetime) -> int:
        """How many sessions are being processed or wait for it, over all users."""
        total: int = self._run("count_unprocessed", now=rows.to_micros(now))[0]["total"]
        return total

    def _held(self, statement: str, work: Work, **parameters: Any) -> bool:
        found: Sequence[Row] = self._run(
            statement,
            user_id=work.user_id,
            session_id=work.session_id,
            lease_token=work.lease_token,
            **parameters,
        )
        return bool(found)


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)

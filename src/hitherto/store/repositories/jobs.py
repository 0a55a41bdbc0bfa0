"""Leases on due sessions and on answered merge conflicts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hitherto.errors import UserNotFoundError
from hitherto.models import Category, GenerationPreferences
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.repositories.user import UserRows


@dataclass(frozen=True, slots=True)
class Work:
    """A session or an answered merge conflict under a worker's lease.

    merge_conflict_id: None for a session. session_id, created_at: the session, or the one in which
        the conflict arose. attempts: which try this is, from 1. failures: of earlier tries.
    """

    user_id: str
    session_id: str
    lease_token: str
    created_at: datetime
    attempts: int
    failures: int
    merge_conflict_id: str | None = None

    def __str__(self) -> str:
        if self.merge_conflict_id is None:
            return f"session {self.session_id}"
        return f"merge conflict {self.merge_conflict_id}"


class JobRows:
    """Jobs of all users and projects.

    A job changes only while its lease holds.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def is_due(self, now: datetime) -> bool:
        """Return whether `claim` would find work."""
        instant = rows.to_micros(now)
        return bool(
            self._run("find_due_merge_conflict", now=instant) or self._run("find_due", now=instant)
        )

    def claim(self, now: datetime, lease_until: datetime, lease_token: str) -> Work | None:
        """Lease the next due job; None without one."""
        lease = {
            "now": rows.to_micros(now),
            "lease_until": rows.to_micros(lease_until),
            "lease_token": lease_token,
        }
        for conflict in self._run("find_due_merge_conflict", now=lease["now"]):
            for taken in self._run("take_merge_conflict_lease", **dict(conflict), **lease):
                session = self._run(
                    "get_session", user_id=taken["user_id"], session_id=taken["session_id"]
                )[0]
                return _work(taken, session, taken["merge_conflict_id"])
        for due in self._run("find_due", now=lease["now"]):
            for taken in self._run("take_lease", **dict(due), **lease):
                return _work(taken, taken, None)
        return None

    def renew(self, work: Work, lease_until: datetime) -> bool:
        """Extend the lease; return False if it was lost."""
        return self._run_leased(
            work,
            "renew_lease",
            "renew_merge_conflict_lease",
            lease_until=rows.to_micros(lease_until),
        )

    def release(self, work: Work) -> bool:
        """Give the work back as if it had not been tried."""
        return self._run_leased(work, "release_lease", "release_merge_conflict_lease")

    def finish(self, work: Work, now: datetime) -> bool:
        """Set the job to PROCESSED or RESOLVED; return False if the lease was lost."""
        return self._run_leased(
            work, "finish_session", "finish_merge_conflict", now=rows.to_micros(now)
        )

    def retry(self, work: Work, due_at: datetime, reason: str) -> bool:
        """Put the work back in line for later, after a failure."""
        return self._run_leased(
            work,
            "retry_session",
            "retry_merge_conflict",
            due_at=rows.to_micros(due_at),
            failure_reason=reason,
        )

    def wait(self, work: Work, due_at: datetime, reason: str) -> bool:
        """Set a session to INSUFFICIENT_BALANCE until an instant; it counts as untried."""
        records = self._run(
            "wait_session",
            user_id=work.user_id,
            session_id=work.session_id,
            lease_token=work.lease_token,
            due_at=rows.to_micros(due_at),
            failure_reason=reason,
        )
        return bool(records)

    def note(self, work: Work, note: str) -> None:
        """Keep with the session how it was processed."""
        self._run(
            "note_processing",
            user_id=work.user_id,
            session_id=work.session_id,
            processing_note=note,
        )

    def fail(self, work: Work, reason: str) -> bool:
        """Set it to FAILED."""
        return self._run_leased(work, "fail_session", "fail_merge_conflict", failure_reason=reason)

    def user(self, work: Work) -> UserRows:
        """Return the rows of the job's user.

        Raises UserNotFoundError when the user was deleted meanwhile.
        """
        records = self._run("get_user_row", user_id=work.user_id)
        if not records:
            raise UserNotFoundError(f"the user was deleted while {work} was in work")
        return UserRows(self._run, records[0])

    def rebuilt_at(self, user_id: str) -> int | None:
        """Return the user's revision at the last removal; None for a deleted user."""
        records = self._run("get_user_row", user_id=user_id)
        return records[0]["rebuilt_at"] if records else None

    def merge_conflicts_enabled(self, user: UserRows) -> bool:
        """Return the user's switch for merge conflicts, or else the project's."""
        if user.model.merge_conflict_enabled is not None:
            return user.model.merge_conflict_enabled
        row = self._run("get_project", project_id=user.project_id)[0]
        return bool(row["merge_conflict_enabled"] == 1)

    def categories(self, user: UserRows) -> list[Category]:
        """Return the categories of the user's project, by name."""
        records = self._run("list_categories", project_id=user.project_id)
        return [rows.to_category(row) for row in records]

    def generation_preferences(self, user: UserRows) -> GenerationPreferences:
        """Return the generation preferences of the user's project."""
        records = self._run("get_generation_preferences", project_id=user.project_id)
        return (
            rows.to_preferences(records[0]["preferences"]) if records else GenerationPreferences()
        )

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next job without a lease is due, over all users."""
        return rows.optional_instant(self._run("next_due", now=rows.to_micros(now))[0]["due_at"])

    def count_unprocessed(self, now: datetime) -> int:
        """Count sessions and answered conflicts that are due or in work, over all users."""
        total: int = self._run("count_unprocessed", now=rows.to_micros(now))[0]["total"]
        return total

    def _run_leased(self, work: Work, of_session: str, of_conflict: str, **parameters: Any) -> bool:
        """Run the statement for the kind of job; return whether its lease is held."""
        if work.merge_conflict_id is None:
            records = self._run(
                of_session,
                user_id=work.user_id,
                session_id=work.session_id,
                lease_token=work.lease_token,
                **parameters,
            )
        else:
            records = self._run(
                of_conflict,
                user_id=work.user_id,
                merge_conflict_id=work.merge_conflict_id,
                lease_token=work.lease_token,
                **parameters,
            )
        return bool(records)


def _work(taken: Row, session: Row, merge_conflict_id: str | None) -> Work:
    return Work(
        user_id=taken["user_id"],
        session_id=taken["session_id"],
        lease_token=taken["lease_token"],
        created_at=rows.from_micros(session["created_at"]),
        attempts=taken["attempts"],
        failures=taken["failures"],
        merge_conflict_id=merge_conflict_id,
    )

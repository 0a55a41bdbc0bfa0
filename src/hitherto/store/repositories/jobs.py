"""Leases on due sessions and on answered merge conflicts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hitherto.errors import UserNotFoundError
from hitherto.models import Category, GenerationPreferences
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.repositories.queue import requeue_user
from hitherto.store.repositories.user import UserRows
from hitherto.store.repositories.user_run import UserRun


@dataclass(frozen=True, slots=True)
class Work:
    """A session or an answered merge conflict under a worker's lease.

    merge_conflict_id: None for a session. session_id, created_at: the session, or the one in which
        the conflict arose. attempts: starts that have not ended, this one included. failures: of
        earlier starts. claimed_at: when this one was claimed.
    """

    project_id: str
    user_id: str
    session_id: str
    lease_token: str
    created_at: datetime
    attempts: int
    failures: int
    claimed_at: datetime
    merge_conflict_id: str | None = None

    def __str__(self) -> str:
        if self.merge_conflict_id is None:
            return f"session {self.session_id}"
        return f"merge conflict {self.merge_conflict_id}"


_MOST_PASSED = 1_000
"""Users without a due job whose places one claim corrects; the next claim goes on behind them."""


class JobRows:
    """Jobs of all users and projects.

    A job changes only while its lease holds.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def queued_projects(self, now: datetime) -> list[str]:
        """Return the ids of projects that may have a due job; `claim` finds out."""
        records = self._run("find_queued_projects", now=rows.to_micros(now))
        return [row["project_id"] for row in records]

    def claim(
        self, project_ids: Iterable[str], now: datetime, lease_until: datetime, lease_token: str
    ) -> Work | None:
        """Lease a due job of the first of some projects that has one; None without one.

        Within a project, the users take turns.
        """
        lease = {
            "now": rows.to_micros(now),
            "lease_until": rows.to_micros(lease_until),
            "lease_token": lease_token,
        }
        for project_id in project_ids:
            for _ in range(_MOST_PASSED):
                queued = self._run("find_queued_user", project_id=project_id, now=lease["now"])
                if not queued:
                    break
                run = UserRun(self._run, queued[0]["user_id"])
                work = self._claim_of(run, project_id, now, lease)
                if work is not None:
                    run("move_queued_user", at=lease["lease_until"])
                    return work
                # The place was too early: the job was put off, or the user is being worked for.
                requeue_user(run)
        return None

    def _claim_of(
        self, run: UserRun, project_id: str, now: datetime, lease: Mapping[str, Any]
    ) -> Work | None:
        """Lease the next due job of a user; conflicts first, whose sessions were processed."""
        for conflict in run("find_due_merge_conflict", now=lease["now"]):
            for taken in run("take_merge_conflict_lease", **dict(conflict), **lease):
                session = run("get_session", session_id=taken["session_id"])[0]
                return _work(taken, session, project_id, now, taken["merge_conflict_id"])
        for session in run("find_due_session", now=lease["now"]):
            for taken in run("take_lease", **dict(session), **lease):
                return _work(taken, taken, project_id, now, None)
        return None

    def renew(self, work: Work, lease_until: datetime) -> bool:
        """Extend the lease; return False if it was lost."""
        parameters = {"lease_until": rows.to_micros(lease_until)}
        return bool(self._run_leased(work, "renew_lease", "renew_merge_conflict_lease", parameters))

    def release(self, work: Work) -> bool:
        """Give the work back as if it had not been tried."""
        return self._end(work, "release_lease", "release_merge_conflict_lease")

    def finish(self, work: Work, now: datetime) -> bool:
        """Set the job to PROCESSED or RESOLVED; return False if the lease was lost."""
        return self._end(work, "finish_session", "finish_merge_conflict", now=rows.to_micros(now))

    def retry(self, work: Work, due_at: datetime, reason: str) -> bool:
        """Put the work back in line for later, after a failure that ended its start."""
        return self._end(
            work,
            "retry_session",
            "retry_merge_conflict",
            due_at=rows.to_micros(due_at),
            failure_reason=reason,
        )

    def wait(self, work: Work, due_at: datetime, reason: str) -> bool:
        """Set a session to INSUFFICIENT_BALANCE until an instant; it counts as untried."""
        run = UserRun(self._run, work.user_id)
        records = run(
            "wait_session",
            session_id=work.session_id,
            lease_token=work.lease_token,
            due_at=rows.to_micros(due_at),
            failure_reason=reason,
        )
        return self._is_ended(work, records)

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
        return self._end(work, "fail_session", "fail_merge_conflict", failure_reason=reason)

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

    def next_due(self) -> datetime | None:
        """Return when the next user's turn may come, over all users; None for never."""
        return rows.optional_instant(self._run("next_due")[0]["due_at"])

    def count_unprocessed(self, now: datetime) -> int:
        """Count sessions and answered conflicts that are due or in work, over all users."""
        total: int = self._run("count_unprocessed", now=rows.to_micros(now))[0]["total"]
        return total

    def _end(self, work: Work, of_session: str, of_conflict: str, **parameters: Any) -> bool:
        """End a start by the job's statement; return whether its lease was held."""
        return self._is_ended(work, self._run_leased(work, of_session, of_conflict, parameters))

    def _is_ended(self, work: Work, records: Sequence[Row]) -> bool:
        """Queue the user again behind those who have waited since, if a start was ended."""
        if records:
            run = UserRun(self._run, work.user_id)
            requeue_user(run, not_before=rows.to_micros(work.claimed_at))
        return bool(records)

    def _run_leased(
        self, work: Work, of_session: str, of_conflict: str, parameters: Mapping[str, Any]
    ) -> list[Row]:
        """Run the job's statement, which returns a row if the lease is held."""
        run = UserRun(self._run, work.user_id)
        if work.merge_conflict_id is None:
            return run(
                of_session, session_id=work.session_id, lease_token=work.lease_token, **parameters
            )
        return run(
            of_conflict,
            merge_conflict_id=work.merge_conflict_id,
            lease_token=work.lease_token,
            **parameters,
        )


def _work(
    taken: Row, session: Row, project_id: str, now: datetime, merge_conflict_id: str | None
) -> Work:
    return Work(
        project_id=project_id,
        user_id=taken["user_id"],
        session_id=taken["session_id"],
        lease_token=taken["lease_token"],
        created_at=rows.from_micros(session["created_at"]),
        attempts=taken["attempts"],
        failures=taken["failures"],
        claimed_at=now,
        merge_conflict_id=merge_conflict_id,
    )

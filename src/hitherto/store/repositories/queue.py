"""Places of users in the queue of workers (`queued_at` of their rows)."""

from hitherto.store.repositories.user_run import UserRun


def queue_user(run: UserRun, at: int | None) -> None:
    """Queue the user of a job that can be claimed from an instant on.

    at: in microseconds; None for never. An earlier place stays.
    """
    if at is not None:
        run("queue_user", at=at)


def requeue_user(run: UserRun, not_before: int = 0) -> None:
    """Give the user the place of the next job; none without a job.

    not_before: microseconds before which the user's turn does not come again.
    """
    row = run("find_next_job")[0]
    due = [at for at in (row["session_due_at"], row["merge_conflict_due_at"]) if at is not None]
    leased = (row["session_leased_until"] or 0, row["merge_conflict_leased_until"] or 0)
    run("move_queued_user", at=max(min(due), *leased, not_before) if due else None)

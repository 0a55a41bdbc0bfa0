"""Ends of a start that leave a job unfinished: released, postponed, retried, failed."""

import logging
from datetime import timedelta

from hitherto.backoff import Backoff
from hitherto.core import spending
from hitherto.disclosure import operator_message, sanitised
from hitherto.engine import Resources
from hitherto.errors import BudgetSpentError, tenant_message
from hitherto.models import WebhookEventType
from hitherto.store import JobRows, Work

_log = logging.getLogger("hitherto.background.worker")

MAX_REASON_CHARS = 1_000
MAX_RETRY_DELAY_S = 300.0


class JobEnds:
    """Records the end of a start, if its lease is still valid."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def release(self, work: Work) -> None:
        """Release a job as if it had not been started."""
        await self._resources.store.write(lambda tx: tx.jobs.release(work))

    async def wait_for_budget(self, work: Work, error: BudgetSpentError) -> None:
        """Postpone a session until the next day, or until its budget is raised."""
        due_at, reason = spending.next_day(self._resources.clock()), str(error)
        _log.info("%s waits for its budget until %s", work, due_at)
        await self._resources.store.write(lambda tx: tx.jobs.wait(work, due_at, reason))

    async def fail(self, work: Work, error: Exception) -> None:
        """Retry a failed job later; set it to FAILED after `max_failures` failures."""
        settings = self._resources.settings
        secrets = settings.secrets()
        reason = f"{type(error).__name__}: {tenant_message(error)}"[:MAX_REASON_CHARS]
        detail = operator_message(error, secrets) or type(error).__name__
        _log.warning("%s failed: %s", work, detail, exc_info=sanitised(error, secrets))
        if work.failures + 1 >= settings.max_failures:
            await self.give_up(work, reason)
            return
        delay_s = Backoff(settings.retry_delay_s, longest_s=MAX_RETRY_DELAY_S).delay_s(
            work.failures + 1
        )
        due_at = self._resources.clock() + timedelta(seconds=delay_s)
        await self._resources.store.write(lambda tx: tx.jobs.retry(work, due_at, reason))

    async def give_up(self, work: Work, reason: str) -> None:
        """Set a job to FAILED and announce it to webhooks."""
        now, new_id = self._resources.clock(), self._resources.new_id
        event_type = (
            WebhookEventType.SESSION_FAILED
            if work.merge_conflict_id is None
            else WebhookEventType.MERGE_CONFLICT_FAILED
        )

        def write(tx: JobRows) -> None:
            if tx.fail(work, reason):
                user = tx.user(work)
                user.outbox.announce(
                    event_type, work.session_id, work.merge_conflict_id, new_id, now
                )

        await self._resources.store.write(lambda tx: write(tx.jobs))


def unfinished(work: Work) -> str:
    """Return the reason of a job whose starts never finished."""
    kind = "session" if work.merge_conflict_id is None else "merge conflict"
    return (
        f"Processing was started {work.attempts - 1} times and never finished; "
        f"see the server log, then retry the {kind}"
    )

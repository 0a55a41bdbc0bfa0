"""Outbox of webhook events."""

from collections.abc import Callable
from datetime import datetime

from hitherto.models import (
    WebhookEventType,
)
from hitherto.store import rows
from hitherto.store.repositories.user_run import UserRun


class OutboxRows:
    """Events of one user, written in the transaction that causes them."""

    def __init__(self, run: UserRun, project_id: str) -> None:
        self._run = run
        self._project_id = project_id

    def announce(
        self,
        event_type: WebhookEventType,
        session_id: str,
        merge_conflict_id: str | None,
        new_id: Callable[[], str],
        now: datetime,
    ) -> None:
        """Queue an event for every enabled webhook of the project that subscribes to it.

        merge_conflict_id: of an event about a conflict. new_id: called once if
            there is a subscriber.
        """
        subscribers = [
            webhook
            for webhook in map(
                rows.to_webhook, self._run("list_webhooks", project_id=self._project_id)
            )
            if webhook.enabled and event_type in webhook.event_types
        ]
        if not subscribers:
            return
        event_id = new_id()
        self._run.many(
            "insert_webhook_delivery",
            (
                {
                    "event_id": event_id,
                    "webhook_id": webhook.webhook_id,
                    "session_id": session_id,
                    "merge_conflict_id": merge_conflict_id,
                    "event_type": event_type.value,
                    "now": rows.to_micros(now),
                }
                for webhook in subscribers
            ),
        )

"""Leases and results of webhook deliveries."""

from dataclasses import dataclass
from datetime import datetime

from hitherto.models import (
    MergeConflictModel,
    SessionModel,
    UserModel,
    WebhookAnswer,
    WebhookDeliveryStatus,
    WebhookEventType,
)
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.repositories.user import UserRows
from hitherto.store.repositories.webhooks import ProjectWebhooks, signing_secrets


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of one event to one webhook, under a lease.

    session_id: the session, or the one in which the conflict arose. merge_conflict_id: None for an
    event about a session. attempts: which try this is, from 1.
    """

    user_id: str
    event_id: str
    webhook_id: str
    session_id: str
    merge_conflict_id: str | None
    event_type: WebhookEventType
    created_at: datetime
    lease_token: str
    attempts: int

    def __str__(self) -> str:
        return f"event {self.event_id} to webhook {self.webhook_id}"


@dataclass(frozen=True, slots=True)
class DeliveryPayload:
    """Content of a delivery request, read when the request is made.

    about: subject of the event. secrets: the newest first.
    """

    project_id: str
    url: str
    secrets: list[str]
    user: UserModel
    about: SessionModel | MergeConflictModel


class DeliveryRows:
    """Webhook deliveries of all projects."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def is_due(self, now: datetime) -> bool:
        """Return whether `claim` would find a delivery."""
        return bool(self._run("find_due_webhook_delivery", now=rows.to_micros(now)))

    def claim(self, now: datetime, lease_until: datetime, lease_token: str) -> Delivery | None:
        """Lease the next due delivery, at most one per webhook; None without one."""
        instant = rows.to_micros(now)
        taken = [
            row
            for due in self._run("find_due_webhook_delivery", now=instant)
            for row in self._run(
                "take_webhook_delivery",
                **dict(due),
                now=instant,
                lease_until=rows.to_micros(lease_until),
                lease_token=lease_token,
            )
        ]
        if not taken:
            return None
        row = taken[0]
        return Delivery(
            user_id=row["user_id"],
            event_id=row["event_id"],
            webhook_id=row["webhook_id"],
            session_id=row["session_id"],
            merge_conflict_id=row["merge_conflict_id"],
            event_type=rows.member(WebhookEventType, row["event_type"]),
            created_at=rows.from_micros(row["created_at"]),
            lease_token=row["lease_token"],
            attempts=row["attempts"],
        )

    def payload(self, delivery: Delivery, now: datetime) -> DeliveryPayload | None:
        """Return content and target; None if the user or the webhook was deleted.

        Raises SessionNotFoundError, MergeConflictNotFoundError if only the subject was deleted.
        """
        records = self._run("get_user_row", user_id=delivery.user_id)
        if not records:
            return None
        user = UserRows(self._run, records[0])
        webhook = self._webhook(user, delivery)
        if webhook is None:
            return None
        about: SessionModel | MergeConflictModel
        if delivery.merge_conflict_id is None:
            about = user.sessions.get(delivery.session_id)
        else:
            about = user.conflicts.get(delivery.merge_conflict_id)
        secrets = signing_secrets(webhook, now)
        return DeliveryPayload(user.project_id, webhook["url"], secrets, user.model, about)

    def release(self, delivery: Delivery) -> None:
        """Release a delivery as if it had not been tried."""
        self._run(
            "release_webhook_delivery",
            user_id=delivery.user_id,
            event_id=delivery.event_id,
            webhook_id=delivery.webhook_id,
            lease_token=delivery.lease_token,
        )

    def succeed(self, delivery: Delivery, answer: WebhookAnswer, now: datetime) -> bool:
        """Set a delivery to DELIVERED. False if the lease is lost."""
        return self._record(delivery, WebhookDeliveryStatus.DELIVERED, None, answer, now)

    def retry(
        self, delivery: Delivery, due_at: datetime, answer: WebhookAnswer, now: datetime
    ) -> bool:
        """Schedule a failed delivery for another attempt."""
        return self._record(delivery, WebhookDeliveryStatus.PENDING, due_at, answer, now)

    def fail(self, delivery: Delivery, answer: WebhookAnswer, now: datetime) -> bool:
        """Set a delivery to FAILED."""
        return self._record(delivery, WebhookDeliveryStatus.FAILED, None, answer, now)

    def switch_off(self, delivery: Delivery, reason: str, now: datetime) -> None:
        """Disable the webhook of a delivery, and end its other deliveries."""
        records = self._run("get_user_row", user_id=delivery.user_id)
        if records:
            webhooks = ProjectWebhooks(self._run, records[0]["project_id"])
            webhooks.switch_off(delivery.webhook_id, reason, now)

    def clear(self, ended_before: datetime, now: datetime) -> None:
        """Delete records of deliveries that ended before, and secrets that have expired."""
        self._run("delete_ended_webhook_deliveries", before=rows.to_micros(ended_before))
        if self._run("forget_previous_secrets", now=rows.to_micros(now)):
            self._run.note_replacement()

    def _webhook(self, user: UserRows, delivery: Delivery) -> Row | None:
        records = self._run(
            "get_webhook", project_id=user.project_id, webhook_id=delivery.webhook_id
        )
        return records[0] if records else None

    def _record(
        self,
        delivery: Delivery,
        status: WebhookDeliveryStatus,
        due_at: datetime | None,
        answer: WebhookAnswer,
        now: datetime,
    ) -> bool:
        instant = rows.to_micros(now)
        recorded = self._run(
            "record_webhook_attempt",
            user_id=delivery.user_id,
            event_id=delivery.event_id,
            webhook_id=delivery.webhook_id,
            lease_token=delivery.lease_token,
            status=status.value,
            due_at=None if due_at is None else rows.to_micros(due_at),
            now=instant,
            status_code=answer.status_code,
            failure_reason=answer.failure_reason,
            ended_at=instant if due_at is None else None,
        )
        return bool(recorded)

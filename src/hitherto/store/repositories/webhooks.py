"""Webhook subscriptions of a project, and their deliveries."""

from collections.abc import Sequence
from datetime import datetime

from hitherto.errors import WebhookNotFoundError
from hitherto.models import Webhook, WebhookDelivery, WebhookEventType
from hitherto.store import rows
from hitherto.store.database import Row, Run


class ProjectWebhooks:
    """Webhooks of one project."""

    def __init__(self, run: Run, project_id: str) -> None:
        self._statements = run
        self._project_id = project_id

    def create(
        self,
        webhook_id: str,
        url: str,
        event_types: Sequence[WebhookEventType],
        secret: str,
        now: datetime,
    ) -> Webhook:
        """Insert a webhook; its id must be new."""
        created = self._run(
            "insert_webhook",
            webhook_id=webhook_id,
            url=url,
            event_types=rows.to_json([kind.value for kind in event_types]),
            secret=secret,
            created_at=rows.to_micros(now),
        )
        return rows.to_webhook(created[0])

    def all(self) -> list[Webhook]:
        """Return webhooks, oldest first."""
        return [rows.to_webhook(row) for row in self._run("list_webhooks")]

    def get(self, webhook_id: str) -> Webhook:
        """Read a webhook. Raises WebhookNotFoundError."""
        return rows.to_webhook(self._row(webhook_id))

    def secrets(self, webhook_id: str, now: datetime) -> list[str]:
        """Return the secrets that sign, newest first. Raises WebhookNotFoundError."""
        return signing_secrets(self._row(webhook_id), now)

    def update(
        self,
        webhook_id: str,
        url: str | None,
        event_types: Sequence[WebhookEventType] | None,
        enabled: bool | None,
        now: datetime,
    ) -> Webhook:
        """Change a webhook; None leaves a field as it is. Raises WebhookNotFoundError."""
        stored = self.get(webhook_id)
        on = stored.enabled if enabled is None else enabled
        if url not in (None, stored.url):
            self._statements.note_replacement()
        updated = self._run(
            "update_webhook",
            webhook_id=webhook_id,
            url=stored.url if url is None else url,
            event_types=rows.to_json(
                [
                    kind.value
                    for kind in (stored.event_types if event_types is None else event_types)
                ]
            ),
            enabled=int(on),
            disabled_reason=stored.disabled_reason if enabled is None else None,
        )
        if stored.enabled and not on:
            self._end_deliveries(webhook_id, now)
        return rows.to_webhook(updated[0])

    def switch_off(self, webhook_id: str, reason: str, now: datetime) -> None:
        """Disable a webhook, with a reason for its owner, if it still exists."""
        records = self._run("get_webhook", webhook_id=webhook_id)
        if not records:
            return
        self._run(
            "update_webhook",
            webhook_id=webhook_id,
            url=records[0]["url"],
            event_types=records[0]["event_types"],
            enabled=0,
            disabled_reason=reason,
        )
        self._end_deliveries(webhook_id, now)

    def rotate_secret(self, webhook_id: str, secret: str, previous_until: datetime) -> Webhook:
        """Give a webhook another secret. Raises WebhookNotFoundError."""
        if self._row(webhook_id)["previous_secret"] is not None:
            self._statements.note_replacement()
        updated = self._run(
            "rotate_webhook_secret",
            webhook_id=webhook_id,
            secret=secret,
            previous_until=rows.to_micros(previous_until),
        )
        return rows.to_webhook(updated[0])

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook with its deliveries. Raises WebhookNotFoundError."""
        self._row(webhook_id)
        self._run("delete_webhook", webhook_id=webhook_id)

    def count_deliveries(self, webhook_id: str) -> int:
        """Count the stored deliveries of a webhook. Raises WebhookNotFoundError."""
        self._row(webhook_id)
        total: int = self._run("count_webhook_deliveries", webhook_id=webhook_id)[0]["total"]
        return total

    def page_deliveries(self, webhook_id: str, offset: int, limit: int) -> list[WebhookDelivery]:
        """Deliveries of a webhook, newest first."""
        records = self._run(
            "page_webhook_deliveries", webhook_id=webhook_id, offset=offset, limit=limit
        )
        return [rows.to_webhook_delivery(row) for row in records]

    def _end_deliveries(self, webhook_id: str, now: datetime) -> None:
        self._run(
            "end_webhook_deliveries",
            webhook_id=webhook_id,
            failure_reason="the webhook was switched off",
            now=rows.to_micros(now),
        )

    def _row(self, webhook_id: str) -> Row:
        if not rows.is_storable(webhook_id):
            raise WebhookNotFoundError(f"Webhook {webhook_id!a} not found")
        records = self._run("get_webhook", webhook_id=webhook_id)
        if not records:
            raise WebhookNotFoundError(f"Webhook {webhook_id} not found")
        return records[0]

    def _run(self, name: str, /, **parameters: object) -> list[Row]:
        return self._statements(name, project_id=self._project_id, **parameters)


def signing_secrets(row: Row, now: datetime) -> list[str]:
    """Return the secrets that sign at an instant, newest first."""
    previous = row["previous_secret"]
    if previous is None or row["previous_until"] <= rows.to_micros(now):
        return [row["secret"]]
    return [row["secret"], previous]

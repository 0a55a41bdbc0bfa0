"""Webhooks, their events and deliveries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WebhookEventType(StrEnum):
    """Type of a webhook event."""

    MERGE_CONFLICT_CREATED = "merge_conflict.created"
    MERGE_CONFLICT_RESOLVED = "merge_conflict.resolved"
    MERGE_CONFLICT_FAILED = "merge_conflict.failed"
    SESSION_PROCESSED = "session.processed"
    SESSION_FAILED = "session.failed"


class WebhookDeliveryStatus(StrEnum):
    """Status of a webhook delivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Address that receives events about the users of a project.

    disabled_reason: why it is disabled, unless an administrator switched it off.
    """

    webhook_id: str
    project_id: str
    url: str
    event_types: tuple[WebhookEventType, ...]
    enabled: bool
    created_at: datetime
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook with a secret just made, which is never shown again."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """Answer of a webhook to one request.

    status_code: None when no answer came. failure_reason: None for a status of 200 to 299.
    """

    status_code: int | None
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """Delivery of one event to one webhook.

    due_at: time of the next attempt; None when the delivery has ended. attempted_at, answer: of the
    last attempt; None before the first one has ended.
    """

    event_id: str
    event_type: WebhookEventType
    status: WebhookDeliveryStatus
    created_at: datetime
    attempts: int
    due_at: datetime | None
    attempted_at: datetime | None
    answer: WebhookAnswer | None

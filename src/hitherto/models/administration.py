"""The nouns of whoever runs Hitherto: projects, keys, categories, webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hitherto.models.merge_conflicts import MergeConflictStatus
from hitherto.models.sessions import SessionStatus


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant: its users, keys, categories and settings are seen by nobody else.

    merge_conflict_enabled: what users inherit who have no switch of their own.
    """

    project_id: str
    name: str
    merge_conflict_enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it can be shown after its creation.

    project_id: None for an admin key, which opens the admin API of all projects and nothing else.
    hint: the first characters of the key, enough to tell it from others.
    """

    key_id: str
    project_id: str | None
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made: `api_key` is the secret itself, which is never shown again."""

    key: ApiKey
    api_key: str


@dataclass(frozen=True, slots=True)
class Category:
    """A label of a project that new memories are given when it fits what they say."""

    category_id: str
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GenerationPreferences:
    """What a project wants to be remembered and what not, as instructions and as examples.

    false_positive_examples: were extracted and should not have been. false_negative_examples: were
    missed and should not have been.
    """

    inclusion_instructions: tuple[str, ...] = ()
    positive_examples: tuple[str, ...] = ()
    exclusion_instructions: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    false_positive_examples: tuple[str, ...] = ()
    false_negative_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectCounters:
    """How much a project holds. sessions, merge_conflicts: by status, those that occur."""

    users: int
    messages: int
    memories: int
    sessions: Mapping[SessionStatus, int]
    merge_conflicts: Mapping[MergeConflictStatus, int]


class WebhookEventType(StrEnum):
    """What a webhook can be told."""

    MERGE_CONFLICT_CREATED = "merge_conflict.created"
    MERGE_CONFLICT_RESOLVED = "merge_conflict.resolved"
    MERGE_CONFLICT_FAILED = "merge_conflict.failed"
    SESSION_PROCESSED = "session.processed"
    SESSION_FAILED = "session.failed"


class WebhookDeliveryStatus(StrEnum):
    """Where the telling of one event to one webhook stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told what happens to the users of a project.

    disabled_reason: why it is not enabled, if it was not switched off by whoever administers it.
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
    """What a webhook answered to one request.

    status_code: None when no answer came. failure_reason: None for a status of 200 to 299.
    """

    status_code: int | None
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """The telling of one event to one webhook.

    due_at: when it is sent next; None when it is over. attempted_at, answer: of the last attempt;
    None before the first one has ended.
    """

    event_id: str
    event_type: WebhookEventType
    status: WebhookDeliveryStatus
    created_at: datetime
    attempts: int
    due_at: datetime | None
    attempted_at: datetime | None
    answer: WebhookAnswer | None

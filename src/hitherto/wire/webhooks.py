"""Webhooks on the wire of the admin API."""

from typing import Annotated

from pydantic import Field, StrictBool

from hitherto import models
from hitherto.models import WebhookDeliveryStatus, WebhookEventType
from hitherto.wire.conversion import Envelope, ListEnvelope, Mirror, PageEnvelope
from hitherto.wire.fields import VISIBLE, Instant, WireModel

Url = Annotated[str, Field(min_length=1, max_length=2_048, json_schema_extra=VISIBLE)]
EventTypes = Annotated[list[WebhookEventType], Field(min_length=1)]

_URL = "Where events are posted to: http or https, without user name and password."
_SECRET = "What signs, to be checked by the receiver. It is shown only here."


class CreateWebhook(WireModel):
    """A webhook to be created."""

    url: Url = Field(description=_URL, examples=["https://app.example.com/memory-events"])
    event_types: EventTypes | None = Field(
        default=None, description="Subscribed event types; all types if left out."
    )


class UpdateWebhook(WireModel):
    """Changes of a webhook. A missing or null field stays unchanged."""

    url: Url | None = Field(default=None, description=_URL)
    event_types: EventTypes | None = Field(default=None, description="Subscribed event types.")
    enabled: StrictBool | None = Field(
        default=None, description="Whether events are sent; false cancels pending deliveries."
    )


class Webhook(Mirror[models.Webhook]):
    """Address that receives events about the users of a project."""

    webhook_id: str = Field(description="The id of the webhook, a UUID.")
    project_id: str = Field(description="The project whose events it receives.")
    url: str = Field(description="URL that events are posted to.")
    event_types: list[WebhookEventType] = Field(description="Subscribed event types.")
    enabled: bool = Field(description="Whether events are sent.")
    disabled_reason: str | None = Field(
        description="Why it was disabled automatically; null if it was not."
    )
    created_at: Instant = Field(description="When it was created.")


class WebhookEnvelope(Envelope[models.Webhook]):
    """Webhook."""

    webhook: Webhook = Field(description="The webhook.")


class NewWebhook(Mirror[models.NewWebhook]):
    """A webhook with a secret just made."""

    webhook: Webhook = Field(description="The webhook.")
    secret: str = Field(description=_SECRET)


class WebhookList(ListEnvelope[models.Webhook]):
    """Webhooks of a project, oldest first."""

    webhooks: list[Webhook] = Field(description="The webhooks.")


class WebhookAnswer(Mirror[models.WebhookAnswer]):
    """Answer of a webhook to one request."""

    status_code: int | None = Field(description="Status code; null without an answer.")
    failure_reason: str | None = Field(
        description="Reason of the failure; null for a status of 200 to 299."
    )


class WebhookDelivery(Mirror[models.WebhookDelivery]):
    """Delivery of one event to one webhook."""

    event_id: str = Field(description="The id of the event, also its `webhook-id` header.")
    event_type: WebhookEventType = Field(description="Event type.")
    status: WebhookDeliveryStatus = Field(description="Status of the delivery.")
    created_at: Instant = Field(description="When the event happened.")
    attempts: int = Field(description="Number of attempts.")
    due_at: Instant | None = Field(description="Time of the next attempt; null if there is none.")
    attempted_at: Instant | None = Field(
        description="End of the last attempt; null before the first one."
    )
    answer: WebhookAnswer | None = Field(
        description="Answer to the last attempt; null before the first one."
    )


class WebhookDeliveryList(PageEnvelope[models.WebhookDelivery]):
    """A page of deliveries, newest first."""

    deliveries: list[WebhookDelivery] = Field(description="The deliveries of this page.")
    total: int = Field(description="Number of stored deliveries.")
    has_more: bool = Field(description="Whether more follow after this page.")

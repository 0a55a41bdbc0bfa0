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
        default=None, description="What it is told; all that there are where left out."
    )


class UpdateWebhook(WireModel):
    """Changes of a webhook. A missing or null field stays unchanged."""

    url: Url | None = Field(default=None, description=_URL)
    event_types: EventTypes | None = Field(default=None, description="What it is told.")
    enabled: StrictBool | None = Field(
        default=None, description="Whether it is told; false ends the deliveries that wait."
    )


class Webhook(Mirror[models.Webhook]):
    """Address that receives events about the users of a project."""

    webhook_id: str = Field(description="The id of the webhook, a UUID.")
    project_id: str = Field(description="The project of whose users it is told.")
    url: str = Field(description="Where events are posted to.")
    event_types: list[WebhookEventType] = Field(description="What it is told.")
    enabled: bool = Field(description="Whether it is told.")
    disabled_reason: str | None = Field(
        description="Why it was switched off, if nobody asked for it; null otherwise."
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

    status_code: int | None = Field(description="The status; null where no answer came.")
    failure_reason: str | None = Field(
        description="Why it counts as failed; null for a status of 200 to 299."
    )


class WebhookDelivery(Mirror[models.WebhookDelivery]):
    """Delivery of one event to one webhook."""

    event_id: str = Field(description="The id of the event, also its `webhook-id` header.")
    event_type: WebhookEventType = Field(description="What it told.")
    status: WebhookDeliveryStatus = Field(description="Where it stands.")
    created_at: Instant = Field(description="When it happened.")
    attempts: int = Field(description="How often it was sent.")
    due_at: Instant | None = Field(description="When it is sent next; null when it is over.")
    attempted_at: Instant | None = Field(
        description="When the last attempt ended; null before the first one has."
    )
    answer: WebhookAnswer | None = Field(
        description="What came of the last attempt; null before the first one has ended."
    )


class WebhookDeliveryList(PageEnvelope[models.WebhookDelivery]):
    """A page of deliveries, newest first."""

    deliveries: list[WebhookDelivery] = Field(description="The deliveries of this page.")
    total: int = Field(description="How many are kept.")
    has_more: bool = Field(description="Whether more follow after this page.")

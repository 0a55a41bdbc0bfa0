"""Administration of webhooks."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

import httpx

from hitherto.api import Page
from hitherto.core import arguments
from hitherto.engine.resources import Resources
from hitherto.engine.transactions import build_page
from hitherto.engine.webhook_http import event_body, new_secret
from hitherto.errors import ValidationError
from hitherto.models import (
    NewWebhook,
    Webhook,
    WebhookAnswer,
    WebhookDelivery,
    WebhookEventType,
)
from hitherto.store import ProjectRows

T = TypeVar("T")

TEST_EVENT_TYPE = "webhook.test"
MAX_URL_CHARS = 2_048
ROTATION = timedelta(days=1)
"""Time in which the previous secret signs, too, so that a receiver can change its own."""


class WebhookAdmin:
    """Webhooks of any project."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def create_webhook(
        self, project_id: str, url: str, *, event_types: Sequence[WebhookEventType] | None = None
    ) -> NewWebhook:
        checked = await self._target(url)
        wanted = tuple(WebhookEventType) if event_types is None else _event_types(event_types)
        secret = new_secret(self._resources.new_secret())
        now, webhook_id = self._resources.clock(), self._resources.new_id()
        webhook = await self._transact(
            lambda tx: tx.webhooks_of(project_id).create(webhook_id, checked, wanted, secret, now),
            write=True,
        )
        return NewWebhook(webhook, secret)

    async def list_webhooks(self, project_id: str) -> list[Webhook]:
        return await self._transact(lambda tx: tx.webhooks_of(project_id).all(), write=False)

    async def get_webhook(self, project_id: str, webhook_id: str) -> Webhook:
        return await self._transact(
            lambda tx: tx.webhooks_of(project_id).get(webhook_id), write=False
        )

    async def update_webhook(
        self,
        project_id: str,
        webhook_id: str,
        *,
        url: str | None = None,
        event_types: Sequence[WebhookEventType] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        checked = None if url is None else await self._target(url)
        wanted = None if event_types is None else _event_types(event_types)
        flag = arguments.optional_flag(enabled, "enabled")
        now = self._resources.clock()
        return await self._transact(
            lambda tx: tx.webhooks_of(project_id).update(webhook_id, checked, wanted, flag, now),
            write=True,
        )

    async def delete_webhook(self, project_id: str, webhook_id: str) -> None:
        await self._resources.store.delete(
            lambda tx: tx.projects.webhooks_of(project_id).delete(webhook_id)
        )

    async def rotate_webhook_secret(self, project_id: str, webhook_id: str) -> NewWebhook:
        secret = new_secret(self._resources.new_secret())
        until = self._resources.clock() + ROTATION
        webhook = await self._transact(
            lambda tx: tx.webhooks_of(project_id).rotate_secret(webhook_id, secret, until),
            write=True,
        )
        return NewWebhook(webhook, secret)

    async def send_test_event(self, project_id: str, webhook_id: str) -> WebhookAnswer:
        now, event_id = self._resources.clock(), self._resources.new_id()

        def work(tx: ProjectRows) -> tuple[Webhook, list[str]]:
            webhooks = tx.webhooks_of(project_id)
            return webhooks.get(webhook_id), webhooks.secrets(webhook_id, now)

        webhook, secrets = await self._transact(work, write=False)
        body = event_body(event_id, TEST_EVENT_TYPE, now, project_id, {"webhook_id": webhook_id})
        return await self._resources.sender.post(
            webhook.url, event_id, body, secrets, now, self._resources.settings.webhook_timeout_s
        )

    async def list_webhook_deliveries(
        self, project_id: str, webhook_id: str, *, offset: int = 0, limit: int = 50
    ) -> Page[WebhookDelivery]:
        arguments.page(offset, limit, 200)

        def work(tx: ProjectRows) -> Page[WebhookDelivery]:
            webhooks = tx.webhooks_of(project_id)
            total = webhooks.count_deliveries(webhook_id)
            return build_page(webhooks.page_deliveries(webhook_id, offset, limit), total, offset)

        return await self._transact(work, write=False)

    async def _target(self, url: object) -> str:
        """An address that webhooks may be sent to. Raises ValidationError."""
        checked = _url(url)
        refusal = await self._resources.sender.refusal(checked)
        if refusal is not None:
            raise ValidationError(f"url is not allowed for a webhook: {refusal}")
        return checked

    async def _transact(self, work: Callable[[ProjectRows], T], *, write: bool) -> T:
        store = self._resources.store
        run = store.write if write else store.read
        return await run(lambda tx: work(tx.projects))


def _event_types(value: object) -> tuple[WebhookEventType, ...]:
    """At least one, each once, in the order in which they are defined."""
    given = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    wanted = {arguments.member(WebhookEventType, item, "event_types") for item in given}
    if not wanted:
        raise ValidationError("event_types is empty; name at least one, or switch the webhook off")
    return tuple(kind for kind in WebhookEventType if kind in wanted)


def _url(value: object) -> str:
    """Return a URL that httpx can send to and that has no password."""
    url = arguments.present_text(value, "url", MAX_URL_CHARS)
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, ValueError) as error:
        # The invalid part may be a password, which no message may show.
        raise ValidationError(
            "url is not a valid URL; give one such as https://app.example.com/events"
        ) from error
    if parsed.userinfo:
        raise ValidationError(
            "url has a user name or a password; leave them out, because requests are signed"
        )
    if parsed.scheme not in ("http", "https") or not host:
        raise ValidationError(
            f"url must be like https://example.com/path, not {url[:100]!a}; http is accepted too"
        )
    port_is_possible = parsed.port is None or 0 < parsed.port < 65_536
    if not port_is_possible or any(char.isspace() or char == "\\" for char in url):
        raise ValidationError(f"url is not an address that can be sent to: {url[:100]!a}")
    return url

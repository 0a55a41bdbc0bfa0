"""Sender of webhooks: leases due deliveries, sends them, records the results.

The row of a delivery is the job, written in the transaction that causes the event. Its lease
outlasts a request, so if a process dies while it sends, the next one sends the event again under
the same id: at least once. A webhook gets one event at a time; webhooks are served concurrently.
"""

import asyncio
import hashlib
import logging
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from hitherto.background.delivery_retention import DeliveryRetention
from hitherto.backoff import Backoff
from hitherto.disclosure import sanitised
from hitherto.engine import Resources
from hitherto.engine.webhook_http import MAX_CONNECTIONS, event_body
from hitherto.errors import (
    ClosedError,
    MergeConflictNotFoundError,
    RecallrAIError,
    SessionNotFoundError,
    StoreError,
)
from hitherto.models import SessionModel, WebhookAnswer
from hitherto.store import Delivery, DeliveryRows
from hitherto.store.repositories.deliveries import DeliveryPayload
from hitherto.wire import MergeConflict, Session

_log = logging.getLogger("hitherto.background.webhook_sender")

MAX_ATTEMPTS = 10
BACKOFF = Backoff(first_s=10.0, factor=3.0, jitter=0.25)
"""Nine retries, each after three times as long as the one before: 27 hours in all, a day after the
jitter, which takes up to a quarter off each."""

LEASE_MARGIN_S = 20.0
"""Seconds that a lease lasts longer than a request, for the transactions around it."""

GONE_REASON = "it answered with 410 Gone"


class WebhookSender:
    """Sends due deliveries until it is stopped. One task on the running event loop."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._lease = timedelta(seconds=resources.settings.webhook_timeout_s + LEASE_MARGIN_S)
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._retention = DeliveryRetention(resources)

    def start(self) -> None:
        """Begin; deliveries that an earlier process left are sent first."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="hitherto-webhooks")

    async def stop(self) -> None:
        """Finish the running requests, or release their deliveries after `close_timeout_s`."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        self._resources.deliveries_due.set()
        try:
            async with asyncio.timeout(self._resources.settings.close_timeout_s):
                await asyncio.wait({task})
                # The loop has ended, so `_sending` is complete.
                if self._sending:
                    await asyncio.wait(self._sending)
        except TimeoutError:
            unfinished = {running for running in (task, *self._sending) if not running.done()}
            for running in unfinished:
                running.cancel()
            if unfinished:
                await asyncio.wait(unfinished)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self._retention.clear()
                started = len(self._sending) < MAX_CONNECTIONS and await self._start_next()
            except ClosedError:
                return
            except RecallrAIError as error:
                _log.warning("sending to webhooks is paused: %s", error)
                started = False
            if not started and not self._stopping:
                await self._resources.deliveries_due.wait(self._resources.settings.poll_interval_s)

    async def _start_next(self) -> bool:
        """Begin to send the next due delivery. False without one."""
        now, store = self._resources.clock(), self._resources.store
        if not await store.read(lambda tx: tx.deliveries.is_due(now)):
            return False
        token = self._resources.new_id()
        delivery = await store.write(lambda tx: tx.deliveries.claim(now, now + self._lease, token))
        if delivery is None:
            return False
        task = asyncio.create_task(self._send(delivery))
        self._sending.add(task)
        task.add_done_callback(self._sent)
        return True

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        # The next delivery of the same webhook can be leased now.
        self._resources.deliveries_due.set()

    async def _send(self, delivery: Delivery) -> None:
        try:
            await self._attempt(delivery)
        except asyncio.CancelledError:
            await asyncio.shield(
                self._resources.store.write(lambda tx: tx.deliveries.release(delivery))
            )
            raise
        except (SessionNotFoundError, MergeConflictNotFoundError):
            _log.info("%s: its session or merge conflict was deleted", delivery)
        except (StoreError, ClosedError) as error:
            # Not the receiver's failure: it is sent again when the lease has run out.
            _log.warning("%s is postponed: %s", delivery, error)
        except Exception as error:  # noqa: BLE001  one delivery's failure must not end the others
            kind = type(error).__name__
            _log.warning("%s failed: %s", delivery, kind, exc_info=sanitised(error))
            await self._record(delivery, WebhookAnswer(None, f"not sent: {kind}"))

    async def _attempt(self, delivery: Delivery) -> None:
        if delivery.attempts > MAX_ATTEMPTS:
            reason = f"tried {MAX_ATTEMPTS} times without a recorded result; see the server log"
            await self._record(delivery, WebhookAnswer(None, reason))
            return
        now = self._resources.clock()
        payload = await self._resources.store.read(lambda tx: tx.deliveries.payload(delivery, now))
        if payload is None:
            return
        answer = await self._resources.sender.post(
            payload.url,
            delivery.event_id,
            _body(delivery, payload),
            payload.secrets,
            now,
            self._resources.settings.webhook_timeout_s,
        )
        await self._record(delivery, answer)

    async def _record(self, delivery: Delivery, answer: WebhookAnswer) -> None:
        """Record the result of an attempt and schedule the next one."""
        store, now = self._resources.store, self._resources.clock()
        if answer.failure_reason is None:
            await store.write(lambda tx: tx.deliveries.succeed(delivery, answer, now))
            return
        _log.info("%s: %s", delivery, answer.failure_reason)
        if answer.status_code == HTTPStatus.GONE:

            def switch_off(tx: DeliveryRows) -> None:
                tx.fail(delivery, answer, now)
                tx.switch_off(delivery, GONE_REASON, now)

            await store.write(lambda tx: switch_off(tx.deliveries))
        elif delivery.attempts >= MAX_ATTEMPTS:
            await store.write(lambda tx: tx.deliveries.fail(delivery, answer, now))
        else:
            due_at = now + timedelta(seconds=retry_delay_s(delivery))
            await store.write(lambda tx: tx.deliveries.retry(delivery, due_at, answer, now))


def retry_delay_s(delivery: Delivery) -> float:
    """Seconds until a delivery is tried again, the same for the same attempt.

    Deliveries that fail together are retried at different times, as their ids differ.
    """
    seed = f"{delivery.event_id}/{delivery.webhook_id}/{delivery.attempts}".encode()
    fraction = int.from_bytes(hashlib.sha256(seed).digest()[:4], "big") / 2**32
    return BACKOFF.delay_s(delivery.attempts, fraction)


def _body(delivery: Delivery, payload: DeliveryPayload) -> bytes:
    """Return the body: the object as the API shows it now, with its user."""
    data: dict[str, Any]
    if isinstance(payload.about, SessionModel):
        session = Session.from_model(payload.about)
        # As in the API's answers, fields that were not requested are left out.
        data = session.model_dump(mode="json", exclude_unset=True)
    else:
        data = MergeConflict.from_model(payload.about).model_dump(mode="json")
    data["custom_user_id"] = payload.user.user_id
    return event_body(
        delivery.event_id,
        delivery.event_type.value,
        delivery.created_at,
        payload.project_id,
        data,
    )

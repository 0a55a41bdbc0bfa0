"""Limit on concurrent requests: a number of slots, a bounded queue, then refusals."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitherto.errors import OverloadedError
from hitherto.models import ContextResponse
from hitherto.server.addresses import address_of
from hitherto.server.bodies import MAX_WAIT_S, BodyReader, DisconnectedError
from hitherto.server.error_responses import BUSY, RETRY_AFTER_S
from hitherto.server.paths import UNLIMITED_PATHS, path_of

WAITING_PER_SLOT = 16
"""Requests that may wait, per slot. With 64 slots, enough for two clients that use all of the 500
connections that the released clients allow. Waiting costs next to nothing."""

EVENT_STREAM = "text/event-stream"


class WorkLimit:
    """Reads bodies, then gives each request one of a fixed number of slots.

    A body is read before its request takes a slot, so slow senders hold up no others. A slot is
    free again when the answer is made, so slow readers hold up no others either.
    """

    def __init__(
        self, app: ASGIApp, *, slots: int, bodies: BodyReader, max_wait_s: float = MAX_WAIT_S
    ) -> None:
        self._app = app
        self._bodies = bodies
        self._queue = _SlotQueue(slots, max_wait_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises OverloadedError, and what reading a body raises."""
        if scope["type"] != "http" or path_of(scope) in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        self._queue.refuse_if_full()
        key = scope.get("state", {}).get("key")
        if key is None:
            # No route without a key reads a body.
            await self._work(scope, receive, send)
            return
        try:
            body = await self._bodies.read(scope, receive, (address_of(scope), key))
        except DisconnectedError:
            return
        try:
            await self._work(scope, _replay(body.content, receive), send)
        finally:
            self._bodies.release(body)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        slot = await self._queue.take()
        scope.setdefault("state", {})["slot"] = slot

        async def send_and_watch(message: Message) -> None:
            if message["type"] == "http.response.start" and not _is_stream(message):
                slot.release()
            await send(message)

        try:
            await self._app(scope, receive, send_and_watch)
        finally:
            slot.release()


class _SlotQueue:
    """Slots, and the requests that wait for them."""

    def __init__(self, slots: int, max_wait_s: float) -> None:
        self._free = asyncio.Semaphore(slots)
        self._most = slots * (1 + WAITING_PER_SLOT)
        self._max_wait_s = max_wait_s
        self._requests = 0

    def refuse_if_full(self) -> None:
        """Raise OverloadedError if no further request may wait."""
        if self._requests >= self._most:
            raise OverloadedError(BUSY, retry_after_s=RETRY_AFTER_S)

    async def take(self) -> "Slot":
        """Wait for a slot and take it. Raises OverloadedError."""
        self.refuse_if_full()
        self._requests += 1
        try:
            async with asyncio.timeout(self._max_wait_s):
                await self._free.acquire()
        except BaseException as error:
            self._requests -= 1
            if isinstance(error, TimeoutError):
                raise OverloadedError(BUSY, retry_after_s=RETRY_AFTER_S) from error
            raise
        return Slot(self)

    def put_back(self) -> None:
        """Give the slot to the next request."""
        self._requests -= 1
        self._free.release()


@dataclass(slots=True)
class Slot:
    """A slot that one request has, until it is released."""

    queue: _SlotQueue | None

    def release(self) -> None:
        """Give the slot to the next request; calling it again does nothing."""
        queue, self.queue = self.queue, None
        if queue is not None:
            queue.put_back()


async def release_at_last_event(
    events: AsyncGenerator[ContextResponse, None], scope: Scope
) -> AsyncGenerator[ContextResponse, None]:
    """Yield all events, and release the request's slot before the last one is sent.

    A client that does not read its stream would keep the slot otherwise.
    """
    slot: Slot | None = scope.get("state", {}).get("slot")
    async with contextlib.aclosing(events):
        async for event in events:
            if event.is_final and slot is not None:
                slot.release()
            yield event


def _is_stream(message: Message) -> bool:
    start = EVENT_STREAM.encode("ascii")
    return any(
        name == b"content-type" and value.startswith(start) for name, value in message["headers"]
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body already read, then the messages after it."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

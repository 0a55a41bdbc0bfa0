"""What stands between the network and the routes: identity of a request, and bounds on it.

Plain ASGI, so that an answer that is streamed passes through event by event. From outside inwards:
`Frame` (request id, security headers, log), CORS where it is allowed, `RateLimit`,
`WorkLimit` (size of a body, requests at once), the application. What is refused here is answered
like any other error: `{"detail": "..."}`.
"""

import asyncio
import hashlib
import logging
import math
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitherto.errors import RecallrAIError
from hitherto.models import ContextResponse
from hitherto.server.authentication import ADMIN_KEY_HEADER, API_KEY_HEADER
from hitherto.server.errors import RETRY_AFTER_S, json_answer
from hitherto.server.routes.health import LIVE_PATH, READY_PATH
from hitherto.server.streaming import event_line
from hitherto.settings import Settings

_log = logging.getLogger("hitherto.requests")

HEALTH_PATHS = frozenset({LIVE_PATH, READY_PATH})
"""Answered whatever the load: who watches the service must be able to tell busy from dead."""

KEY_HEADERS = (API_KEY_HEADER, ADMIN_KEY_HEADER, "Authorization")
REQUEST_ID_HEADER = "X-Request-Id"

MAX_BUCKETS = 10_000
"""Keys whose rates are remembered, about 2 MB. The one unused for longest is forgotten first."""

WAITING_PER_PLACE = 16
"""Requests that may wait for each one that is worked on: with 64 places, two clients that use all
of the 500 connections which the released ones allow. Waiting costs next to nothing."""

MAX_WAIT_S = 10.0
"""Longest wait for a place: a third of the 30 s after which the released clients give up."""

BODY_TIMEOUT_S = 30.0
"""Longest time that a body may take to arrive; it is read before the request takes a place."""

EVENT_STREAM = "text/event-stream"
STOPPING = "The server is stopping; try again later"
BUSY = "The server has too much to do; try again later"

_LAST_EVENT = event_line(ContextResponse(is_final=True, context=None, error_message=STOPPING))
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Set where the application has not set its own."""

Clock = Callable[[], float]


def install_limits(
    app: Starlette,
    settings: Settings,
    *,
    clock: Clock = time.monotonic,
    new_request_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> None:
    """Put the middleware of this module around an application. To be called last.

    clock: seconds that never go backwards. The id of a request stands in `request.state.request_id`
    and in the header of its answer.
    """
    app.add_middleware(
        WorkLimit,
        max_body_bytes=settings.max_body_bytes,
        places=settings.max_concurrent_requests,
    )
    if settings.rate_limit_per_minute is not None:
        app.add_middleware(RateLimit, per_minute=settings.rate_limit_per_minute, clock=clock)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=(REQUEST_ID_HEADER, "Retry-After"),
        )
    app.add_middleware(
        Frame, clock=clock, new_request_id=new_request_id, log_requests=settings.log_requests
    )


class Frame:
    """Gives a request its id and an answer its headers, and ends what a stopping server cancels."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, new_request_id: Callable[[], str], log_requests: bool
    ) -> None:
        self._app = app
        self._clock = clock
        self._new_request_id = new_request_id
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._clock()
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if _SANE_ID.fullmatch(given) else self._new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0
        is_stream = False

        async def framed(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                is_stream = headers.get("content-type", "").startswith(EVENT_STREAM)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except asyncio.CancelledError:
            if not status:
                await _answer(503, STOPPING, RETRY_AFTER_S)(scope, receive, framed)
            elif is_stream:
                await framed({"type": "http.response.body", "body": _LAST_EVENT})
            raise
        finally:
            if self._log_requests:
                _log.info(
                    "%s %s %d %.1f ms %s",
                    scope["method"],
                    _route(scope),
                    status,
                    (self._clock() - began_s) * 1000,
                    request_id,
                )


def _route(scope: Scope) -> str:
    """The route without its values, which may name a person."""
    return getattr(scope.get("route"), "path", "(no route)")


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at_s: float


class TokenBuckets:
    """How many requests each key may still make: a minute's worth at once, then as they refill."""

    def __init__(self, per_minute: int, clock: Clock, *, most: int = MAX_BUCKETS) -> None:
        self._capacity = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[bytes, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: bytes) -> float:
        """Take a token and return 0, or the seconds until there will be one."""
        now_s = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(self._capacity, now_s))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        refilled = bucket.tokens + (now_s - bucket.filled_at_s) * self._per_s
        bucket.tokens = min(self._capacity, refilled)
        bucket.filled_at_s = now_s
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_s
        bucket.tokens -= 1
        return 0.0


class RateLimit:
    """Answers 429 to a key that asks too often. Requests without a key share one bucket."""

    def __init__(self, app: ASGIApp, *, per_minute: int, clock: Clock) -> None:
        self._app = app
        self._buckets = TokenBuckets(per_minute, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] not in HEALTH_PATHS:
            wait_s = self._buckets.take(_hash_of_key(scope))
            if wait_s > 0:
                answer = _answer(429, "Too many requests", math.ceil(wait_s))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _hash_of_key(scope: Scope) -> bytes:
    headers = Headers(scope=scope)
    keys = "\n".join(headers.get(name, "") for name in KEY_HEADERS)
    return hashlib.sha256(keys.encode("utf-8", "surrogateescape")).digest()


class _BodyError(RecallrAIError):
    """The body of a request cannot be taken."""


class _DisconnectedError(Exception):
    """The client went away before its request was complete."""


class WorkLimit:
    """Bounds what is worked on at once and what may wait; the rest is refused instead of piled up.

    A body is read whole before its request takes a place, so that a slow sender holds up nobody. Of
    bodies, at most `max_body_bytes` for each request that is worked on or waits is in memory.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        places: int,
        max_wait_s: float = MAX_WAIT_S,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._places = asyncio.Semaphore(places)
        self._most = places * (1 + WAITING_PER_PLACE)
        self._max_wait_s = max_wait_s
        self._body_timeout_s = body_timeout_s
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS:
            await self._app(scope, receive, send)
            return
        if self._in_hand >= self._most:
            await _answer(503, BUSY, RETRY_AFTER_S)(scope, receive, send)
            return
        self._in_hand += 1
        try:
            body = await self._body(scope, receive)
            await self._work(scope, _replayed(body, receive), send)
        except _BodyError as error:
            await _answer(error.http_status, error.message)(scope, receive, send)
        except _DisconnectedError:
            return
        finally:
            self._in_hand -= 1

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        too_large = _BodyError(
            f"The body of a request may have at most {self._max_body_bytes} bytes", 413
        )
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_body_bytes:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _DisconnectedError
                    body += message.get("body", b"")
                    if len(body) > self._max_body_bytes:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError as error:
            raise _BodyError("The body of the request did not arrive in time", 408) from error

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._max_wait_s):
                await self._places.acquire()
        except TimeoutError:
            await _answer(503, BUSY, RETRY_AFTER_S)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._places.release()


def _answer(status: int, detail: str, retry_after_s: int | None = None) -> Response:
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return json_answer(status, {"detail": detail}, headers)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

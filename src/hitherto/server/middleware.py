"""Middleware between the network and the routes.

Plain ASGI, so that an answer that is streamed passes through event by event. From outside inwards:

`RequestContext`  request id, security headers, access log
CORS              for the allowed origins, if there are any
`LastResort`      answers to errors that nothing inside answers
`HostLimit`       names of hosts
`SurplusLimit`    connections above the limit
`Authentication`  keys, wrong keys, requests per key
`WorkLimit`       bodies, concurrent requests
"""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitherto.errors import OverloadedError
from hitherto.models import ContextResponse
from hitherto.server.authentication import Authentication
from hitherto.server.bodies import BodyReader
from hitherto.server.error_responses import BUSY, RETRY_AFTER_S, LastResort, error_answer
from hitherto.server.hosts import ANY_HOST, HostLimit
from hitherto.server.paths import UNLIMITED_PATHS, path_of
from hitherto.server.rate_limits import Clock
from hitherto.server.released_clients import is_stream
from hitherto.server.streaming import HEADERS, event_line
from hitherto.server.work_limit import EVENT_STREAM, WorkLimit
from hitherto.settings import Settings

_log = logging.getLogger("hitherto.requests")

REQUEST_ID_HEADER = "X-Request-Id"
STOPPING = "The server is stopping; try again later"

_LAST_EVENT = event_line(ContextResponse(is_final=True, context=None, error_message=STOPPING))
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Set where the application has not set its own."""


def install_middleware(
    app: Starlette,
    settings: Settings,
    *,
    hosts: frozenset[str] = frozenset({ANY_HOST}),
    clock: Clock = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    new_request_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> None:
    """Add the middleware of this module to an application. Call it last.

    hosts: names that are served. clock: seconds that never go backwards. sleep: waits for so many
    seconds. The id of a request is in `request.state.request_id` and in its answer's header.
    """
    app.add_middleware(
        WorkLimit,
        slots=settings.max_concurrent_requests,
        bodies=BodyReader(settings.max_body_bytes),
    )
    app.add_middleware(
        Authentication, per_minute=settings.rate_limit_per_minute, clock=clock, sleep=sleep
    )
    app.add_middleware(SurplusLimit)
    if ANY_HOST not in hosts:
        app.add_middleware(HostLimit, hosts=hosts)
    app.add_middleware(LastResort)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=(REQUEST_ID_HEADER, "Retry-After"),
        )
    app.add_middleware(
        RequestContext,
        clock=clock,
        new_request_id=new_request_id,
        log_requests=settings.log_requests,
    )


class RequestContext:
    """Adds request ids and security headers, and answers requests that a stopping server cancels.

    Also writes the access log.
    """

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
        client_id = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = client_id if _ACCEPTED_ID.fullmatch(client_id) else self._new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0
        is_event_stream = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, is_event_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                is_event_stream = headers.get("content-type", "").startswith(EVENT_STREAM)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if _is_surplus(scope):
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if not status and not is_stream(scope):
                stopping = error_answer(scope, OverloadedError(STOPPING))
                await stopping(scope, receive, send_with_headers)
            elif not status:
                last = Response(_LAST_EVENT, media_type=EVENT_STREAM, headers=HEADERS)
                await last(scope, receive, send_with_headers)
            elif is_event_stream:
                await send_with_headers({"type": "http.response.body", "body": _LAST_EVENT})
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
    """Return the path template of the route, because the path itself may name a person."""
    return getattr(scope.get("route"), "path", "(no route)")


class SurplusLimit:
    """Refuses requests on surplus connections, except health checks and the system prompt."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises OverloadedError."""
        if _is_surplus(scope) and path_of(scope) not in UNLIMITED_PATHS:
            raise OverloadedError(BUSY, retry_after_s=RETRY_AFTER_S)
        await self._app(scope, receive, send)


def _is_surplus(scope: Scope) -> bool:
    return "is_surplus" in scope.get("state", {})

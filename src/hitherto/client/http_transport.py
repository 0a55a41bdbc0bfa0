"""Requests to a server, with retries where they are safe."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import httpx

from hitherto.backoff import Backoff, retry_after_s
from hitherto.client.error_mapping import ErrorContext, error_of
from hitherto.core import arguments
from hitherto.disclosure import without_secrets
from hitherto.errors import (
    ClosedError,
    ConnectionError,
    RecallrAIError,
    TimeoutError,
    ValidationError,
)

MAX_TRIES = 3
BACKOFF = Backoff(first_s=0.25, jitter=1.0)
"""Maximum wait before the second attempt; it doubles with each further one."""

MAX_RETRY_AFTER_S = 20.0
"""With a longer Retry-After, the client raises the error instead of waiting."""

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
MAX_CONNECTIONS = 500
KEEPALIVE_S = 4.0
"""Idle connections are given up before the server does so (uvicorn: after 5 s), because a request
that crosses with the server's goodbye is lost."""

Query = Mapping[str, str | int | float | bool | Sequence[str] | None]


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class HttpParts:
    """Parts of a client of a server to use in place of the built-in ones.

    transport: what carries requests, such as `httpx.ASGITransport(app)`; None for the network.
    sleep: waits for some seconds. chance: a number from 0 up to 1. monotonic: seconds of a clock
    that never goes back. new_id: a UUID as text, never the same twice.
    """

    transport: httpx.AsyncBaseTransport | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    new_id: Callable[[], str] = _new_id


@dataclass(frozen=True, slots=True)
class Request:
    """A request to be made.

    query: None and empty lists are left out. idempotency_key: lets the server know a request that
    comes again. streamed: whether the answer is a stream of events.
    """

    method: str
    path: str
    subject: ErrorContext
    query: Query = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    idempotency_key: str | None = None
    streamed: bool = False

    @property
    def repeatable(self) -> bool:
        """Return whether a repetition does no harm, even after success."""
        return self.method in ("GET", "DELETE") or self.idempotency_key is not None


def path_of(*segments: str) -> str:
    """Return the path of a resource, with escaped segments."""
    encoded = (quote(segment, safe="").replace(".", "%2E") for segment in segments)
    return "/".join(("/api/v1", *encoded))


class Transport:
    """Sends requests to one server, with one key, over a pool of connections."""

    def __init__(
        self, base_url: str, api_key: str, project_id: str, timeout_s: float, parts: HttpParts
    ) -> None:
        self.parts = parts
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={
                "X-Recallr-Api-Key": api_key,
                "X-Recallr-Project-Id": project_id,
                "Accept": "application/json",
                "User-Agent": f"hitherto/{version('hitherto')}",
            },
            timeout=timeout_s,
            limits=httpx.Limits(
                max_connections=MAX_CONNECTIONS,
                max_keepalive_connections=MAX_CONNECTIONS,
                keepalive_expiry=KEEPALIVE_S,
            ),
            transport=parts.transport,
            follow_redirects=False,
        )

    async def send(self, request: Request) -> httpx.Response:
        """Make a request and return its answer, which is a success and read to its end.

        Raises the error of `error_mapping` for a refusal, TimeoutError, ConnectionError and
        ClosedError.
        """
        built = self._build(request)
        tries_left, perhaps_done = MAX_TRIES, False
        while True:
            tries_left -= 1
            outcome = await self._exchange(built, request.streamed)
            if isinstance(outcome, httpx.Response):
                is_deleted = (
                    outcome.status_code == 404 and request.method == "DELETE" and perhaps_done
                )
                if outcome.is_success or is_deleted:
                    return outcome
            if not tries_left or self._client.is_closed or not _worth_repeating(request, outcome):
                raise self._error_of(outcome, request) from (
                    outcome if isinstance(outcome, Exception) else None
                )
            perhaps_done = perhaps_done or not _surely_not_done(outcome)
            await self._pause(tries_left, outcome)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncGenerator[str, None]]:
        """Make a request whose answer is a stream; yield its text in the parts that arrive.

        Raises what `send` raises, also while the text is read.
        """
        response = await self.send(request)
        try:
            async with aclosing(self._pieces(response)) as pieces:
                yield pieces
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _pieces(self, response: httpx.Response) -> AsyncGenerator[str, None]:
        try:
            async for piece in response.aiter_text():
                yield piece
        except (httpx.RequestError, httpx.StreamError) as error:
            raise self._failure(error, response.request.url) from error

    async def _exchange(
        self, built: httpx.Request, streamed: bool
    ) -> httpx.Response | httpx.RequestError:
        """Send once. Of a stream only the head is read, unless the answer is a refusal."""
        try:
            response = await self._client.send(built, stream=streamed)
            if streamed and not response.is_success:
                await response.aread()
        except httpx.RequestError as error:
            return error
        return response

    def _build(self, request: Request) -> httpx.Request:
        if self._client.is_closed:
            raise ClosedError("the client was closed; open a new one")
        query = {
            name: value
            for name, value in request.query.items()
            if value is not None and value not in ([], ())
        }
        headers = {}
        content: bytes | None = None
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = _header_value(request.idempotency_key)
        if request.streamed:
            headers["Accept"] = "text/event-stream"
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            content = json_of(request.body).encode()
        try:
            return self._client.build_request(
                request.method, request.path, params=query, content=content, headers=headers
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise ValidationError(f"the arguments cannot be part of a URL: {error}") from error

    def _error_of(
        self, outcome: httpx.Response | httpx.RequestError, request: Request
    ) -> RecallrAIError:
        if isinstance(outcome, httpx.Response):
            return error_of(outcome, request.subject)
        return self._failure(outcome, outcome.request.url)

    def _failure(
        self, error: httpx.RequestError | httpx.StreamError, url: httpx.URL
    ) -> RecallrAIError:
        """Return the error for a failure of the network."""
        address = url.copy_with(query=None, userinfo=b"")
        if self._client.is_closed:
            return ClosedError("the client was closed while it waited for an answer")
        if isinstance(error, httpx.TimeoutException):
            return TimeoutError(
                f"{address} did not answer within {self._timeout_s:g} s "
                f"({type(error).__name__}); raise timeout_s or check the load of the server"
            )
        reason = without_secrets(str(error)) or type(error).__name__
        return ConnectionError(
            f"no answer from {address}: {reason}; check the address and that the server runs"
        )

    async def _pause(self, tries_left: int, outcome: httpx.Response | httpx.RequestError) -> None:
        """Wait before the next try: exponential back-off with full jitter, after Retry-After."""
        delay_s = BACKOFF.delay_s(MAX_TRIES - tries_left, self.parts.chance())
        least_s = retry_after_s(outcome.headers) if isinstance(outcome, httpx.Response) else None
        await self.parts.sleep((least_s or 0.0) + delay_s)


def _worth_repeating(request: Request, outcome: httpx.Response | httpx.RequestError) -> bool:
    """Return whether a retry may succeed and does no harm."""
    if isinstance(outcome, httpx.TimeoutException):
        return False
    is_harmless = request.repeatable or _surely_not_done(outcome)
    if isinstance(outcome, httpx.RequestError):
        return is_harmless
    waits_briefly = (retry_after_s(outcome.headers) or 0.0) <= MAX_RETRY_AFTER_S
    return is_harmless and waits_briefly and outcome.status_code in RETRIED_STATUSES


def _surely_not_done(outcome: httpx.Response | httpx.RequestError) -> bool:
    """Return whether the request had no effect: never sent, or refused unread."""
    if isinstance(outcome, httpx.RequestError):
        return isinstance(outcome, httpx.ConnectError)
    return outcome.status_code == 429


def json_of(body: Mapping[str, Any]) -> str:
    """Return JSON in ASCII. Raises ValidationError for values that JSON does not have."""
    try:
        return json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"the arguments cannot be written as JSON: {error}") from error


def _header_value(key: str) -> str:
    checked = arguments.idempotency_key(key) or ""
    if not (checked.isascii() and checked.isprintable() and checked == checked.strip()):
        raise ValidationError(
            f"idempotency_key {key!r} must be printable ASCII characters without spaces around "
            "them to be sent to a server"
        )
    return checked

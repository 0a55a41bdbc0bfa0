"""Requests to webhooks: body, signature, answer.

The headers are those of Standard Webhooks (standardwebhooks.com), so its libraries verify them.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Any

import httpx

from hitherto.disclosure import without_secrets
from hitherto.engine.webhook_targets import TargetPolicy
from hitherto.engine.webhook_transport import (
    CheckedTransport,
    Gate,
    Resolve,
    Resolver,
    TargetRefusedError,
    UnresolvedError,
    proxy_of,
)
from hitherto.models import WebhookAnswer

_log = logging.getLogger("hitherto.engine.webhook_http")

SECRET_PREFIX = "whsec_"

MAX_CONNECTIONS = 64
"""Maximum concurrent requests, one per webhook."""

MAX_ANSWER_BYTES = 65_536
"""Maximum bytes of an answer's body that are read, so that its connection can be reused."""

MAX_IDLE_CLIENTS = 64
"""Receivers to which connections are kept between events."""

CHECKING_TIMEOUT_S = 2.0
"""Maximum time to resolve a name when a webhook is created; sending checks it in any case."""

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (UnresolvedError, "the name cannot be resolved"),
    (httpx.ProxyError, "the proxy refused the connection"),
    (httpx.ConnectTimeout, "the connection took too long"),
    (httpx.ConnectError, "no connection could be made"),
    (httpx.ProtocolError, "the answer was not HTTP"),
    (httpx.DecodingError, "the answer was not HTTP"),
    (httpx.InvalidURL, "the address cannot be sent to"),
    (httpx.UnsupportedProtocol, "the address cannot be sent to"),
)
"""Reasons that are shown. Texts of the system or the receiver are only in the log."""


class Sender:
    """Posts events; one per process. It connects when the first event is sent.

    transport: replaces the network. policy: allowed addresses of the network. resolve: returns the
    addresses of a name; None for the system's resolver.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        policy: TargetPolicy | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._transport = transport
        self._resolver = Resolver()
        self._gate = Gate(policy or TargetPolicy(), resolve or self._resolver)
        self._tls: ssl.SSLContext | None = None
        self._idle: OrderedDict[tuple[str, str, int | None], httpx.AsyncClient] = OrderedDict()

    async def refusal(self, url: str) -> str | None:
        """Return why an address is refused; None if it is allowed, as far as known.

        A name that cannot be resolved now may mean a public address when something is sent.
        """
        parsed = httpx.URL(url)
        try:
            if self._transport is not None or proxy_of(parsed) is not None:
                self._gate.require_name(parsed)
            else:
                async with asyncio.timeout(CHECKING_TIMEOUT_S):
                    await self._gate.addresses(parsed)
        except TargetRefusedError as error:
            return str(error)
        except (UnresolvedError, TimeoutError):
            return None
        return None

    async def post(
        self,
        url: str,
        event_id: str,
        body: bytes,
        secrets: Sequence[str],
        now: datetime,
        timeout_s: float,
    ) -> WebhookAnswer:
        """Send an event once; the answer has the failure, if any. Redirects are not followed.

        timeout_s: for everything, from connecting on.
        """
        status_code: int | None = None
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client(url) as client,
                client.stream(
                    "POST", url, content=body, headers=headers(event_id, body, secrets, now)
                ) as response,
            ):
                status_code = response.status_code
                await _drain(response)
        except TimeoutError:
            reason = f"no answer within {timeout_s:g} s"
        except TargetRefusedError as error:
            reason = f"not sent: {error}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"no answer: {_reason(error)}"
            _log.info(
                "event %s: %s: %s", event_id, type(error).__name__, without_secrets(str(error))
            )
        else:
            reason = ""
        # The status is the answer, even if the rest of it does not arrive.
        return WebhookAnswer(None, reason) if status_code is None else _webhook_answer(status_code)

    async def close(self) -> None:
        """Let go of the connections; a later `post` makes new ones."""
        while self._idle:
            await self._idle.popitem()[1].aclose()
        self._resolver.close()

    @asynccontextmanager
    async def _client(self, url: str) -> AsyncIterator[httpx.AsyncClient]:
        """Return the client of one receiver, for one request at a time."""
        parsed = httpx.URL(url)
        key = (parsed.scheme, parsed.host, parsed.port)
        client = self._idle.pop(key, None) or self._new_client()
        try:
            yield client
        finally:
            self._idle.setdefault(key, client)
            surplus = [] if self._idle[key] is client else [client]
            while len(self._idle) > MAX_IDLE_CLIENTS:
                surplus.append(self._idle.popitem(last=False)[1])
            for surplus_client in surplus:
                await surplus_client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        transport = self._transport
        if transport is None:
            if self._tls is None:
                self._tls = httpx.create_ssl_context()
            transport = CheckedTransport(self._gate, self._tls)
        return httpx.AsyncClient(
            transport=transport,
            timeout=None,  # `post` bounds the whole
            follow_redirects=False,
            # Cookies of receivers are not sent back.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"User-Agent": f"hitherto/{version('hitherto')}"},
        )


def new_secret(random_urlsafe: str) -> str:
    """Return a signing secret from random bytes in URL-safe base64."""
    padded = random_urlsafe + "=" * (-len(random_urlsafe) % 4)
    return SECRET_PREFIX + base64.b64encode(base64.urlsafe_b64decode(padded)).decode()


def event_body(
    event_id: str, event_type: str, created_at: datetime, project_id: str, data: Mapping[str, Any]
) -> bytes:
    """Return the JSON of an event. data: JSON already."""
    event = {
        "id": event_id,
        "type": event_type,
        "created_at": created_at.isoformat().replace("+00:00", "Z"),
        "project_id": project_id,
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def headers(event_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the headers of a body, signed with each secret for this instant."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def _drain(response: httpx.Response) -> None:
    """Read what is left of an answer, undecoded, if it is small."""
    if response.is_stream_consumed:  # by a transport that is not a network
        return
    received = 0
    async for piece in response.aiter_raw():
        received += len(piece)
        if received > MAX_ANSWER_BYTES:
            return


def _reason(error: Exception) -> str:
    """Describe a failure in fixed words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "TLS failed, as where the certificate is not of this host or not trusted"
        cause = cause.__cause__ or cause.__context__
    return next((text for kind, text in _REASONS if isinstance(error, kind)), "it was broken off")


def _webhook_answer(status_code: int) -> WebhookAnswer:
    if 200 <= status_code <= 299:
        return WebhookAnswer(status_code)
    return WebhookAnswer(status_code, f"answered with {status_code}")

"""Sends events to webhooks: what a request is made of, its signature, and the answer to it.

The headers are those of Standard Webhooks (standardwebhooks.com), so its libraries verify them.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Any

import httpx

from hitherto.models import WebhookAnswer

SECRET_PREFIX = "whsec_"

MAX_CONNECTIONS = 64
"""Requests that may be under way at once, one to each webhook."""

MAX_ANSWER_BYTES = 65_536
"""How much of an answer's body is read, so that its connection can be used again."""

MAX_REASON_CHARS = 300


class Sender:
    """Posts events. It connects with the first one; one per process.

    transport: takes the place of the network.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def post(
        self,
        url: str,
        event_id: str,
        body: bytes,
        secrets: Sequence[str],
        now: datetime,
        timeout_s: float,
    ) -> WebhookAnswer:
        """Send an event once; what goes wrong is in the answer. Redirects are not followed.

        timeout_s: for everything, from connecting on.
        """
        status_code: int | None = None
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._connected().stream(
                    "POST", url, content=body, headers=headers(event_id, body, secrets, now)
                ) as response,
            ):
                status_code = response.status_code
                await _drain(response)
        except TimeoutError:
            reason = f"no answer within {timeout_s:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"no answer: {type(error).__name__}: {error}"[:MAX_REASON_CHARS]
        else:
            reason = ""
        # The status is the answer, even if the rest of it does not arrive.
        return WebhookAnswer(None, reason) if status_code is None else _answered(status_code)

    async def close(self) -> None:
        """Let go of the connections; a later `post` makes new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport,
                timeout=None,  # `post` bounds the whole
                follow_redirects=False,
                limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
                # What one receiver sets, another at the same place is not told.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                headers={"User-Agent": f"hitherto/{version('hitherto')}"},
            )
        return self._client


def new_secret(random_urlsafe: str) -> str:
    """A signing secret of bytes that nobody can guess, given in URL-safe base64."""
    padded = random_urlsafe + "=" * (-len(random_urlsafe) % 4)
    return SECRET_PREFIX + base64.b64encode(base64.urlsafe_b64decode(padded)).decode()


def event_body(
    event_id: str, event_type: str, created_at: datetime, project_id: str, data: Mapping[str, Any]
) -> bytes:
    """The JSON of an event. data: JSON already."""
    event = {
        "id": event_id,
        "type": event_type,
        "created_at": created_at.isoformat().replace("+00:00", "Z"),
        "project_id": project_id,
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def headers(event_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """What goes with a body, signed with each secret for this instant."""
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


def _answered(status_code: int) -> WebhookAnswer:
    if 200 <= status_code <= 299:
        return WebhookAnswer(status_code)
    return WebhookAnswer(status_code, f"answered with {status_code}")

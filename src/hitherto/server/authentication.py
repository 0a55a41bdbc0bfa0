"""Check and count callers' keys from the headers, before a body is read.

Requests are counted by the key that was valid, so no header that a caller may vary matters. Wrong
keys are counted by address: the first ones are answered at once, the next ones late, and further
ones are refused, with at most one key of such addresses being looked up at a time. A key that was
valid before is always looked up, so no caller can lock out a neighbour behind the same address.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import AuthenticationError, RateLimitError, UnavailableError
from hitherto.server.addresses import address_of
from hitherto.server.paths import (
    ADMIN_PREFIX,
    API_PREFIX,
    HEALTH_PATHS,
    LIVE_PATH,
    PROMPT_PATH,
    is_below,
    path_of,
)
from hitherto.server.rate_limits import MAX_BUCKETS, Clock, TokenBuckets
from hitherto.server.requests import ReadRequest, refuse_nul
from hitherto.server.state import MemorySystem, system_of

API_KEY_HEADER = "X-Recallr-Api-Key"
PROJECT_HEADER = "X-Recallr-Project-Id"
ADMIN_KEY_HEADER = "X-Hitherto-Admin-Key"

INVALID_KEY = "Invalid API key or project ID"
INVALID_ADMIN_KEY = "Invalid admin key"
TOO_MANY_REQUESTS = "Too many requests"
TOO_MANY_FAILURES = "Too many requests with a wrong key; check the key and try again later"

FAILURES_PER_MINUTE = 100
"""Wrong keys per address. Guessing one takes 2^255 tries at any rate; this bounds the load. People
and monitors with an old key stay below it."""

FAILURES_AT_ONCE = 50
"""Wrong keys per address that are answered at once."""

FAILURE_DELAY_S = 0.25
"""Seconds by which answers to further wrong keys are delayed. It slows a caller to four a second,
which is still more than are refilled."""

PROMPT_KEY_TIMEOUT_S = 2.0
"""Seconds to look up the key of a request for the system prompt, which needs no database."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": API_KEY_HEADER,
        "description": "A key of the project; it begins with `rai_`.",
    },
    "ProjectId": {
        "type": "apiKey",
        "in": "header",
        "name": PROJECT_HEADER,
        "description": "The id of the project.",
    },
    "AdminKey": {
        "type": "apiKey",
        "in": "header",
        "name": ADMIN_KEY_HEADER,
        "description": "An admin key; it begins with `rca_`.",
    },
    "AdminBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An admin key as a bearer token.",
    },
}
"""Descriptions of the headers with keys, for the OpenAPI document."""

PROJECT_SECURITY: list[dict[str, list[str]]] = [{"ApiKey": [], "ProjectId": []}]
"""Both are needed."""

ADMIN_SECURITY: list[dict[str, list[str]]] = [{"AdminKey": []}, {"AdminBearer": []}]
"""Either will do."""


class Authentication:
    """Checks the keys of all requests below the two prefixes and counts them.

    Puts into the state of a request: `key`, a hash of its key; `api`, the API of its project, or
    `is_admin`. per_minute: requests per key; None is no limit. sleep: waits for so many seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        per_minute: int | None,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app = app
        self._sleep = sleep
        self._requests = None if per_minute is None else TokenBuckets(per_minute, clock)
        self._failures = TokenBuckets(FAILURES_PER_MINUTE, clock)
        self._valid_keys: OrderedDict[bytes, None] = OrderedDict()
        self._is_looking_up = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises AuthenticationError and RateLimitError."""
        path = path_of(scope) if scope["type"] == "http" else LIVE_PATH
        if path not in HEALTH_PATHS:
            scope.setdefault("state", {})
            if is_below(API_PREFIX, path):
                await self._check_project(scope, path)
            elif is_below(ADMIN_PREFIX, path):
                await self._check_admin(scope)
            else:
                self._count(_owner(scope))
        await self._app(scope, receive, send)

    async def _check_project(self, scope: Scope, path: str) -> None:
        headers = Headers(scope=scope)
        api_key = headers.get(API_KEY_HEADER, "")
        project_id = headers.get(PROJECT_HEADER, "")
        self._require(scope, bool(api_key and project_id), INVALID_KEY)
        system: MemorySystem = scope["app"].state.system
        is_prompt = path == PROMPT_PATH

        async def look_up() -> None:
            async with asyncio.timeout(PROMPT_KEY_TIMEOUT_S if is_prompt else None):
                await system.admin.authenticate(api_key, project_id)

        try:
            await self._check(scope, INVALID_KEY, look_up, API_KEY_HEADER, api_key, project_id)
        except (UnavailableError, TimeoutError):
            if not is_prompt:
                raise
            # The prompt is public and the same for all projects, so it needs no database.
            project_id = DEFAULT_PROJECT_ID
        scope["state"]["api"] = system.engine(project_id)

    async def _check_admin(self, scope: Scope) -> None:
        admin_key = _admin_key(Headers(scope=scope))
        self._require(scope, bool(admin_key), INVALID_ADMIN_KEY)
        system: MemorySystem = scope["app"].state.system

        async def look_up() -> None:
            await system.admin.authenticate_admin(admin_key)

        await self._check(scope, INVALID_ADMIN_KEY, look_up, ADMIN_KEY_HEADER, admin_key)
        scope["state"]["is_admin"] = True

    def _require(self, scope: Scope, has_credentials: bool, message: str) -> None:
        if not has_credentials:
            self._count(_owner(scope))
            raise AuthenticationError(message)

    async def _check(
        self,
        scope: Scope,
        message: str,
        look_up: Callable[[], Awaitable[None]],
        *credentials: str,
    ) -> None:
        """Look a key up and count the request."""
        digest = hashlib.sha256("\n".join(credentials).encode("utf-8", "surrogateescape")).digest()
        address = _owner(scope)
        wait_s = 0.0 if digest in self._valid_keys else self._failures.wait_s(address)
        try:
            await (look_up() if wait_s == 0 else self._look_up_alone(look_up, wait_s))
        except AuthenticationError as error:
            self._valid_keys.pop(digest, None)
            await self._count_failure(address)
            raise AuthenticationError(message) from error
        self._valid_keys[digest] = None
        self._valid_keys.move_to_end(digest)
        if len(self._valid_keys) > MAX_BUCKETS:
            self._valid_keys.popitem(last=False)
        scope["state"]["key"] = digest.hex()
        if path_of(scope) != PROMPT_PATH:
            self._count(digest)

    async def _look_up_alone(self, look_up: Callable[[], Awaitable[None]], wait_s: float) -> None:
        """Look up a key from an address that has failed too often, one at a time."""
        if self._is_looking_up:
            raise RateLimitError(TOO_MANY_FAILURES, retry_after_s=wait_s)
        self._is_looking_up = True
        try:
            await look_up()
        finally:
            self._is_looking_up = False

    async def _count_failure(self, address: bytes) -> None:
        """Delay the answer to a wrong key, or refuse the request."""
        self._refuse_if_positive(self._failures.take(address), TOO_MANY_FAILURES)
        if self._failures.missing_tokens(address) > FAILURES_AT_ONCE:
            await self._sleep(FAILURE_DELAY_S)

    def _count(self, owner: bytes) -> None:
        if self._requests is not None:
            self._refuse_if_positive(self._requests.take(owner), TOO_MANY_REQUESTS)

    def _refuse_if_positive(self, wait_s: float, message: str) -> None:
        if wait_s > 0:
            raise RateLimitError(message, retry_after_s=wait_s)


class ProjectRoute(APIRoute):
    """A route for the callers of one project."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind a check that `Authentication` accepted the caller."""
        return _require_state("api", INVALID_KEY, super().get_route_handler())


class AdminRoute(APIRoute):
    """A route for the administrator of the service."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind a check that `Authentication` accepted the caller."""
        return _require_state("is_admin", INVALID_ADMIN_KEY, super().get_route_handler())


def _require_state(state: str, message: str, handle: Handler) -> Handler:
    async def handle_authenticated(request: Request) -> Response:
        if not hasattr(request.state, state):
            raise AuthenticationError(message)
        refuse_nul(request)
        return await handle(ReadRequest(request))

    return handle_authenticated


def _owner(scope: Scope) -> bytes:
    """Return the caller's address as the owner of a token bucket."""
    return address_of(scope).encode("utf-8", "surrogatepass")


def _admin_key(headers: Headers) -> str:
    admin_key = headers.get(ADMIN_KEY_HEADER)
    if admin_key is not None:
        return admin_key
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _memory_api(request: Request) -> MemoryApi:
    api: MemoryApi = request.state.api
    return api


async def _admin_api(request: Request) -> AdminApi:
    return system_of(request).admin


Api = Annotated[MemoryApi, Depends(_memory_api)]
"""API for the users of the caller's project."""

Admin = Annotated[AdminApi, Depends(_admin_api)]
"""Admin API."""

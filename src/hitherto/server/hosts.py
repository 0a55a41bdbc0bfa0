"""Names of hosts that the service answers for.

A web page can let its own name point to an address of the machine that shows it (DNS rebinding),
and then read what a service there answers. The `Host` header still has the name of the page.
"""

import functools
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from hitherto.errors import RecallrAIError
from hitherto.server.paths import HEALTH_PATHS, path_of

ANY_HOST = "*"
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

MAX_HOST_BYTES = 261
"""Longest `Host` header: a name of 255 bytes with a port."""


def allowed_hosts(configured: Iterable[str], host: str, *, is_loopback: bool) -> frozenset[str]:
    """Return the names that are allowed.

    configured: the setting. host: name or address that the service listens on. Without a setting
    any name is allowed, unless only this machine can reach the service.
    """
    names = frozenset(map(_host_name, configured))
    if not names and not is_loopback:
        return frozenset({ANY_HOST})
    return names | {*LOOPBACK_HOSTS, _host_name(host)}


class HostLimit:
    """Refuses requests for other hosts with 421. Health checks may ask for any address."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app = app
        names = frozenset(name for name in hosts if not name.startswith("*."))
        suffixes = tuple(name[1:] for name in hosts if name.startswith("*."))

        @functools.lru_cache(256)
        def is_allowed(header: bytes) -> bool:
            name = _host_name(header.decode("latin-1"))
            return name in names or name.endswith(suffixes)

        self._is_allowed = is_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises RecallrAIError."""
        if scope["type"] == "http":
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            is_long = len(host) > MAX_HOST_BYTES
            if is_long or (not self._is_allowed(host) and path_of(scope) not in HEALTH_PATHS):
                name = host[:MAX_HOST_BYTES].decode("latin-1")
                raise RecallrAIError(
                    f"The service does not answer for the host {name!a}; "
                    "add its name to HITHERTO_ALLOWED_HOSTS",
                    421,
                )
        await self._app(scope, receive, send)


def _host_name(text: str) -> str:
    """Return the name or address without port, brackets and final dot, as in a `Host` header."""
    lowered = text.strip().lower()
    if lowered.startswith("["):
        return lowered[1:].partition("]")[0]
    if lowered.count(":") > 1:
        return lowered
    return lowered.partition(":")[0].removesuffix(".")

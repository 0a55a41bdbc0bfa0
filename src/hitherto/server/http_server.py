"""uvicorn's server with an accept loop of its own and limits on connections.

asyncio's accept loop takes as many connections as the backlog holds before any of them is looked
at. Without a free file descriptor it goes on trying, and logs each failure.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import sys
from collections.abc import Awaitable, Callable

import uvicorn

from hitherto.server.connections import SURPLUS_CONNECTIONS, ConnectionLimits, Connections
from hitherto.server.http_protocol import HttpProtocol

if sys.platform != "win32":
    import resource

_log = logging.getLogger("hitherto.server")

ACCEPTED_AT_ONCE = 16
"""Connections accepted before those already there have their turn."""

RESERVED_DESCRIPTORS = 80
"""File descriptors for everything but connections: 15 for the event loop, the embedder and a file
with its readers, 32 for connections being accepted or closed, the rest for requests to models and
webhooks."""

MIN_CONNECTIONS = 8
"""Connections that are allowed however few descriptors there are."""

_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RETRY_DELAY_S = 0.1
"""Seconds between two tries to accept without a free descriptor, and after closing some."""


class HttpServer(uvicorn.Server):
    """uvicorn's server with limits on connections.

    stop_work: ends background work, while the requests in work are finished.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        connections: Connections,
        stop_work: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._stop_work = stop_work
        self._accepting: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections from these sockets."""
        await super().startup(sockets=[])
        loop = asyncio.get_running_loop()
        for listener in sockets or []:
            listener.setblocking(False)
            self._accepting.append(loop.create_task(self._accept(listener)))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and finish the requests in work."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await asyncio.gather(super().shutdown(sockets), self._stop_work())

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        has_failed = False
        while True:
            try:
                first, _ = await loop.sock_accept(listener)
            except OSError as error:
                if not has_failed:
                    _log.warning("cannot accept connections: %s; trying again", error.strerror)
                has_failed = True
                if error.errno in _NO_DESCRIPTOR:
                    self._close_idle()
                await asyncio.sleep(_RETRY_DELAY_S)
                continue
            has_failed = False
            # The next connections are accepted only after these are counted.
            await asyncio.gather(*map(self._connect, (first, *_accept_more(listener))))

    async def _connect(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        # A client may have closed the connection already.
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(self._new_protocol, accepted)

    def _new_protocol(self) -> HttpProtocol:
        return HttpProtocol(
            self.config, self.server_state, self.lifespan.state, registry=self._connections
        )

    def _close_idle(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if not self._connections.close_oldest_idle():
                return


def _accept_more(listener: socket.socket) -> list[socket.socket]:
    """Accept connections that already wait, up to a bound."""
    accepted: list[socket.socket] = []
    # An error of the listener shows again in the accept loop.
    with contextlib.suppress(OSError):
        while len(accepted) < ACCEPTED_AT_ONCE - 1:
            accepted.append(listener.accept()[0])
    return accepted


def limit_connections(most: int, most_per_address: int, descriptors: int) -> ConnectionLimits:
    """Return the limits that fit the file descriptors which this process may have.

    descriptors: those needed for the database, in addition to `RESERVED_DESCRIPTORS`. The process's
    own limit is raised as far as its owner may. Logs a warning if fewer connections fit.
    """
    other = RESERVED_DESCRIPTORS + descriptors + SURPLUS_CONNECTIONS
    fitting = max(MIN_CONNECTIONS, _allowed_descriptors(most + other) - other)
    if fitting < most:
        _log.warning(
            "the limit of open files allows %d connections, not %d; raise it (ulimit -n)",
            fitting,
            most,
        )
    total = min(most, fitting)
    return ConnectionLimits(total, min(most_per_address, max(1, total // 2)))


def _allowed_descriptors(wanted: int) -> int:
    """Raise this process's limit of file descriptors to a number if possible; return the limit."""
    if sys.platform == "win32":
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):
        return soft
    return raised

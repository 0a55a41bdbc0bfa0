"""Service in one process: a socket, the memory with its worker, and the HTTP application."""

import contextlib
import gc
import ipaddress
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import uvicorn

from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import UnavailableError
from hitherto.models import NewApiKey
from hitherto.server.addresses import TrustedProxies
from hitherto.server.app import create_app
from hitherto.server.connections import KEEP_ALIVE_S, Connections
from hitherto.server.hosts import allowed_hosts
from hitherto.server.http_server import HttpServer, limit_connections
from hitherto.settings import Settings
from hitherto.store import shown_address
from hitherto.store.data_folder import make_data_folder
from hitherto.system import Parts, System, open_system

FIRST_KEY_NAME = "first"

_BACKLOG = 2048
"""Connections that the system may hold before they are accepted; uvicorn's own default."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Facts about the started service for the program that started it.

    first_key: made because no project had a key; this is the only time that it can be shown.
    is_loopback: whether only this machine can reach the service.
    """

    url: str
    db: str
    first_key: NewApiKey | None
    is_loopback: bool


async def serve(
    settings: Settings,
    announce: Callable[[Listening], None],
    parts: Parts | None = None,
    *,
    make_first_key: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in work and close the memory.

    announce: called once, when connections are accepted. make_first_key: whether a key is made
    where no project has one; only for a caller that can show it to a person. Raises
    UnavailableError when the address cannot be listened on, and what opening the memory raises.
    """
    with _stop_signals() as stop, contextlib.closing(_listen(settings)) as listener:
        make_data_folder(settings)
        system = await open_system(settings.db, settings, parts)
        try:
            if not stop.is_set():
                server = stop.server = _server(settings, listener, system)
                first_key = (
                    await system.admin.create_first_key(DEFAULT_PROJECT_ID, name=FIRST_KEY_NAME)
                    if make_first_key
                    else None
                )
                # What is there now stays: the collector need not look at it for each request.
                gc.freeze()
                announce(_listening(listener, settings, first_key))
                # A signal may have come while the key was made.
                server.should_exit = server.should_exit or stop.is_set()
                await server.serve(sockets=[listener])
        finally:
            await system.close()


class _StopSignal(threading.Event):
    """Event of SIGTERM and SIGINT. server: exits, even before it handles signals itself."""

    server: HttpServer | None = None

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Note a signal; any moment between the announcement and uvicorn's own handlers counts."""
        self.set()
        if self.server is not None:
            self.server.should_exit = True


@contextlib.contextmanager
def _stop_signals() -> Iterator[_StopSignal]:
    """Yield an event that SIGTERM and SIGINT set, instead of ending the process.

    uvicorn handles them itself while it serves, and passes them on when it has finished.
    """
    stop = _StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {
        number: signal.signal(number, stop.note) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _server(settings: Settings, listener: socket.socket, system: System) -> HttpServer:
    # The application logs its failures itself, with the id of the request and without their text.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    hosts = allowed_hosts(
        settings.allowed_hosts, settings.host, is_loopback=_address_of(listener).is_loopback
    )
    configuration = uvicorn.Config(
        create_app(system, settings, hosts=hosts),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=int(KEEP_ALIVE_S),
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )
    limits = limit_connections(
        settings.max_connections, settings.max_connections_per_address, settings.db_connections
    )
    trusted = TrustedProxies(settings.trusted_proxies)
    connections = Connections(limits, trusted, time.monotonic)
    return HttpServer(configuration, connections, system.worker.stop)


def _address_of(listener: socket.socket) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(listener.getsockname()[0])


def _listen(settings: Settings) -> socket.socket:
    """A socket at the address, bound before anything else is begun. Raises UnavailableError."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise UnavailableError(
            f"cannot listen on {where}: {reason}; choose another --host or --port"
        ) from error
    # asyncio sees to this only for sockets that were made for TCP by name; without it, each answer
    # whose body follows its headers waits some 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _listening(
    listener: socket.socket, settings: Settings, first_key: NewApiKey | None
) -> Listening:
    bound, port = listener.getsockname()[:2]
    address = _address_of(listener)
    # What listens everywhere is reached, from here, by the name of this machine for itself.
    host = "localhost" if address.is_unspecified else bound
    return Listening(
        url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        db=shown_address(settings.db),
        first_key=first_key,
        is_loopback=address.is_loopback,
    )

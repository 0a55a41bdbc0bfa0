"""Limits on open connections: their number, their number per address, and their time-outs.

A new connection above the limit closes the oldest idle one: first those that have not completed a
request yet, then those between two requests. Where all connections are in use, the new one becomes
a surplus connection: health checks are answered on it, everything else is refused.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hitherto.server.addresses import TrustedProxies, counted_address

HEAD_TIMEOUT_S = 10.0
"""Seconds for a request's head. A client sends it in one packet, so only attackers need longer."""

KEEP_ALIVE_S = 75.0
"""Seconds that an idle connection stays open. Clients and proxies must close theirs first, or they
send a request into a connection that is being closed: httpx keeps them for 5 s, common proxies for
60 s."""

SEND_TIMEOUT_S = 20.0
"""Seconds in which a client has to read `MIN_SENT_BYTES` of its answer, or all of it. Below the
30 s after which the released clients give up."""

MIN_SENT_BYTES = 16_384
"""Less than 1 kB/s, slower than any network that can hold a conversation."""

DISCARD_S = 5.0
"""Seconds in which the rest of a refused request is read and dropped. Closing at once would reset
the connection, and many clients would then lose the answer."""

SURPLUS_CONNECTIONS = 16
"""Connections above the limit, for health checks while all others are in use."""

CHECK_INTERVAL_S = 1.0
"""Seconds between two checks of all time-outs: one timer for all connections costs less than one
timer per request, and none of the time-outs needs to be exact."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on connections.

    total: connections at once. per_address: connections of one address, trusted proxies excepted.
    """

    total: int
    per_address: int
    head_timeout_s: float = HEAD_TIMEOUT_S
    keep_alive_s: float = KEEP_ALIVE_S
    send_timeout_s: float = SEND_TIMEOUT_S
    discard_s: float = DISCARD_S
    check_interval_s: float = CHECK_INTERVAL_S


class Connection(Protocol):
    """An open connection, as far as its limits are concerned."""

    is_surplus: bool

    @property
    def host(self) -> str:
        """Address of the peer; empty where it has none."""
        ...

    def has_unsent_data(self) -> bool:
        """Return whether a part of an answer is still to be sent."""
        ...

    def check_timeouts(self, now_s: float) -> None:
        """Close the connection if one of its time-outs is over."""
        ...

    def abort(self) -> None:
        """Close the connection at once."""
        ...


class Connections:
    """Registry of a server's open connections."""

    def __init__(
        self, limits: ConnectionLimits, trusted: TrustedProxies, clock: Callable[[], float]
    ) -> None:
        self.limits = limits
        self.clock = clock
        self._trusted = trusted
        self._open: set[Connection] = set()
        self._per_address: Counter[str] = Counter()
        # Dictionaries, because they keep the order in which connections became idle.
        self._waiting: dict[Connection, None] = {}
        self._idle: dict[Connection, None] = {}
        self._waiting_surplus: dict[Connection, None] = {}
        self._surplus = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Count a new connection, and close or mark what exceeds the limits."""
        address = counted_address(connection.host)
        is_allowed = (
            self._per_address[address] < self.limits.per_address or connection.host in self._trusted
        )
        is_full = len(self._open) - self._surplus >= self.limits.total
        self._open.add(connection)
        if self._timer is None:
            self._start_timer()
        if is_allowed and (not is_full or self.close_oldest_idle()):
            self._per_address[address] += 1
            self._waiting[connection] = None
            return
        connection.is_surplus = True
        self._surplus += 1
        self._waiting_surplus[connection] = None
        if self._surplus > SURPLUS_CONNECTIONS:
            self._close(next(iter(self._waiting_surplus)))

    def close_oldest_idle(self) -> bool:
        """Close the connection that has been idle for longest; return whether there was one."""
        for connections in (self._waiting, self._idle):
            for connection in connections:
                if not connection.has_unsent_data():
                    self._close(connection)
                    return True
        return False

    def mark_busy(self, connection: Connection) -> None:
        """Note that the head of a request is complete."""
        self._waiting.pop(connection, None)
        self._idle.pop(connection, None)
        self._waiting_surplus.pop(connection, None)

    def mark_idle(self, connection: Connection) -> None:
        """Note that the connection waits for its next request."""
        if connection in self._open:
            self._idle[connection] = None

    def remove(self, connection: Connection) -> None:
        """Forget a closed connection; calling it again does nothing."""
        if connection not in self._open:
            return
        self._open.remove(connection)
        self.mark_busy(connection)
        if connection.is_surplus:
            self._surplus -= 1
            return
        address = counted_address(connection.host)
        self._per_address[address] -= 1
        if self._per_address[address] == 0:
            del self._per_address[address]

    def check_timeouts(self) -> None:
        """Close all connections whose time-outs are over."""
        now_s = self.clock()
        for connection in list(self._open):
            connection.check_timeouts(now_s)

    def _close(self, connection: Connection) -> None:
        self.remove(connection)
        connection.abort()

    def _start_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.limits.check_interval_s, self._on_timer)

    def _on_timer(self) -> None:
        self.check_timeouts()
        self._timer = None
        if self._open:
            self._start_timer()

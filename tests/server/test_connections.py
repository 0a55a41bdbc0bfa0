"""The registry of open connections: which of them goes when there are too many."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitherto.server.addresses import TrustedProxies, address_of, counted_address
from hitherto.server.connections import (
    SURPLUS_CONNECTIONS,
    ConnectionLimits,
    Connections,
)

PROXY = "10.0.0.1"
LIMITS = ConnectionLimits(total=3, per_address=2, check_interval_s=3600)


@dataclass(eq=False)
class Opened:
    """A connection without a network. timeouts: the times at which its time-outs were checked."""

    host: str
    is_surplus: bool = False
    is_open: bool = True
    unsent: bool = False
    timeouts: list[float] = field(default_factory=list)

    def has_unsent_data(self) -> bool:
        return self.unsent

    def check_timeouts(self, now_s: float) -> None:
        self.timeouts.append(now_s)

    def abort(self) -> None:
        assert self.is_open
        self.is_open = False


@pytest.fixture
async def connections() -> Connections:
    return Connections(LIMITS, TrustedProxies(["10.0.0.0/24"]), lambda: 7.0)


@pytest.fixture
def addresses() -> Iterator[str]:
    return (f"198.51.100.{number}" for number in range(1, 255))


def opened(connections: Connections, host: str) -> Opened:
    connection = Opened(host)
    connections.add(connection)
    return connection


async def test_the_oldest_connection_without_a_request_makes_room(
    connections: Connections, addresses: Iterator[str]
) -> None:
    first, second, third, fourth = (opened(connections, next(addresses)) for _ in range(4))
    assert [first.is_open, second.is_open, third.is_open] == [False, True, True]
    assert not fourth.is_surplus
    assert len(connections) == 3


async def test_those_that_had_a_request_go_after_those_that_had_none(
    connections: Connections, addresses: Iterator[str]
) -> None:
    served, busy, waiting = (opened(connections, next(addresses)) for _ in range(3))
    connections.mark_busy(served)
    connections.mark_idle(served)
    connections.mark_busy(busy)
    opened(connections, next(addresses))
    assert (served.is_open, waiting.is_open) == (True, False)


async def test_of_idle_connections_the_one_idle_for_longest_goes_and_none_that_still_sends(
    connections: Connections, addresses: Iterator[str]
) -> None:
    three = [opened(connections, next(addresses)) for _ in range(3)]
    for connection in three:
        connections.mark_busy(connection)
    for connection in reversed(three):
        connections.mark_idle(connection)
    three[2].unsent = True
    opened(connections, next(addresses))
    assert [connection.is_open for connection in three] == [True, False, True]


async def test_where_all_are_busy_a_few_more_are_surplus(
    connections: Connections, addresses: Iterator[str]
) -> None:
    busy = [opened(connections, next(addresses)) for _ in range(3)]
    for connection in busy:
        connections.mark_busy(connection)
    surplus = [opened(connections, next(addresses)) for _ in range(SURPLUS_CONNECTIONS + 1)]
    assert all(connection.is_surplus for connection in surplus)
    assert [connection.is_open for connection in surplus] == [False] + [True] * SURPLUS_CONNECTIONS
    assert all(connection.is_open for connection in busy)
    for connection in surplus[1:]:
        connections.mark_busy(connection)
    assert not opened(connections, next(addresses)).is_open
    for connection in surplus[1:]:
        connections.remove(connection)
    connections.remove(busy[0])
    assert not opened(connections, next(addresses)).is_surplus


async def test_an_address_has_its_own_limit_and_a_trusted_proxy_has_none(
    connections: Connections,
) -> None:
    one = [opened(connections, "198.51.100.1") for _ in range(3)]
    assert [connection.is_surplus for connection in one] == [False, False, True]
    connections.remove(one[0])
    assert not opened(connections, "198.51.100.1").is_surplus
    proxied = [opened(connections, PROXY) for _ in range(3)]
    assert not any(connection.is_surplus for connection in proxied)


async def test_all_open_connections_are_checked(connections: Connections) -> None:
    first, second = opened(connections, "198.51.100.1"), opened(connections, "198.51.100.2")
    connections.remove(first)
    connections.remove(first)
    connections.check_timeouts()
    assert (first.timeouts, second.timeouts) == ([], [7.0])


@given(st.lists(st.tuples(st.sampled_from("+bir"), st.integers(0, 30)), max_size=80))
async def test_there_are_never_more_than_the_limits_allow(moves: list[tuple[str, int]]) -> None:
    connections = Connections(LIMITS, TrustedProxies([]), lambda: 0.0)
    known: list[Opened] = []
    for move, number in moves:
        if move == "+":
            known.append(opened(connections, f"198.51.100.{number % 4}"))
        elif known:
            connection = known[number % len(known)]
            if connection.is_open:
                changes = {
                    "b": connections.mark_busy,
                    "i": connections.mark_idle,
                    "r": connections.remove,
                }
                changes[move](connection)
                connection.is_open = move != "r"
        there = [connection for connection in known if connection.is_open]
        assert len(there) == len(connections) <= LIMITS.total + SURPLUS_CONNECTIONS
        regular = [connection.host for connection in there if not connection.is_surplus]
        assert len(regular) <= LIMITS.total
        assert all(regular.count(host) <= LIMITS.per_address for host in regular)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("no address", "no address"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_an_address_is_counted_by_what_one_customer_has(host: str, counted: str) -> None:
    assert counted_address(host) == counted
    assert address_of({"type": "http", "client": (host, 1)}) == counted


def test_a_caller_without_an_address_is_counted_as_unknown() -> None:
    assert address_of({"type": "http", "client": None}) == "unknown"


def test_proxies_are_trusted_by_address_and_network() -> None:
    trusted = TrustedProxies(["10.1.0.0/16", "::1"])
    assert "10.1.2.3" in trusted
    assert "::ffff:10.1.2.3" in trusted
    assert "::1" in trusted
    assert "10.2.0.1" not in trusted
    assert "a proxy" not in trusted

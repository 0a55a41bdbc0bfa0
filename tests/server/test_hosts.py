"""The names that requests may ask for, against pages whose names point to this machine."""

import httpx
import pytest
from tests.server.conftest import FakeSystem

from hitherto import Settings
from hitherto.server import create_app
from hitherto.server.hosts import allowed_hosts

LOOPBACK = allowed_hosts((), "127.0.0.1", is_loopback=True)


TAKEN, REFUSED = 401, 421
"""Statuses of a request without a key: for a name of the service, and for another one."""


async def status(hosts: frozenset[str], host: str, path: str = "/api/v1/users") -> int:
    app = create_app(FakeSystem(None), Settings(), hosts=hosts)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://any.test"
    ) as http:
        return (await http.get(path, headers={"Host": host})).status_code


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000"],
)
async def test_a_service_for_this_machine_answers_to_its_own_names(host: str) -> None:
    assert await status(LOOPBACK, host) == TAKEN


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "localhost.evil.test",
        "evil.test:127.0.0.1",
        "127.0.0.1.evil.test",
        "[evil.test]",
        "127.0.0.2",
        "",
    ],
)
async def test_and_to_no_other(host: str) -> None:
    assert await status(LOOPBACK, host) == REFUSED


async def test_the_answer_says_what_to_do() -> None:
    app = create_app(FakeSystem(None), Settings(), hosts=LOOPBACK)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://memory.test"
    ) as http:
        answer = await http.get("/api/v1/users")
    assert answer.json() == {
        "detail": "The service does not answer for the host 'memory.test'; "
        "add its name to HITHERTO_ALLOWED_HOSTS"
    }


async def test_health_is_asked_by_any_name() -> None:
    assert await status(LOOPBACK, "10.0.0.7", "/healthz") == 200


def test_any_name_will_do_where_other_machines_reach_the_service() -> None:
    assert allowed_hosts((), "0.0.0.0", is_loopback=False) == {"*"}


@pytest.mark.parametrize("is_loopback", [True, False])
async def test_names_that_are_set_are_added_to_the_machines_own(is_loopback: bool) -> None:
    names = ("Memory.example.com", "*.internal", "[2001:db8::1]")
    hosts = allowed_hosts(names, "192.0.2.1", is_loopback=is_loopback)
    for host in ("memory.example.com", "a.internal", "a.b.internal", "[2001:db8::1]:80"):
        assert await status(hosts, host) == TAKEN
    for host in ("192.0.2.1:8000", "localhost"):
        assert await status(hosts, host) == TAKEN
    for host in ("example.com", "internal", "evilinternal", "x.memory.example.com"):
        assert await status(hosts, host) == REFUSED


async def test_a_star_allows_any_name() -> None:
    hosts = allowed_hosts(("*",), "127.0.0.1", is_loopback=True)
    assert await status(hosts, "evil.test") == TAKEN

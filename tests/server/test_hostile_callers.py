"""Attempts to stop the service or to pass its limits, on real connections to a process.

Each prints its figures; `pytest -rP` shows them.
"""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.forking import Programs
from tests.server.attacks import ATTACKER, MIB, Attacked, attacked

MAX_BODY_BYTES = 4 * MIB
USERS = "/api/v1/users"


@pytest.fixture(scope="module")
def service(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A service with the settings that it has by default."""
    with attacked(programs, tmp_path_factory.mktemp("service")) as running:
        # What the first requests load is no part of an attack.
        assert running.statuses(3) == [200] * 3
        yield running


@pytest.fixture(autouse=True)
def _closed(service: Attacked) -> Iterator[None]:
    yield
    for opened in service.sockets:
        opened.close()
    service.sockets.clear()


@pytest.mark.parametrize("has_key", [False, True])
def test_unfinished_bodies_keep_no_other_caller_out(service: Attacked, has_key: bool) -> None:
    headers = {"Content-Length": "10"} | (service.headers if has_key else {})
    sent = service.head("POST", USERS, headers) + b'{"'
    for _ in range(1_088):
        service.connect(sent)
    began_s = time.monotonic()
    statuses = service.statuses(10)
    created = service.ask(
        USERS, method="POST", headers=service.headers, json={"custom_user_id": f"u{has_key}"}
    )
    print(f"key {has_key}: others {Counter(statuses)} in {time.monotonic() - began_s:.2f} s")
    assert statuses == [200] * 10
    assert created.status_code == 201


@pytest.mark.parametrize(("has_key", "most_mib"), [(False, 30), (True, 80)])
def test_unfinished_large_bodies_take_little_memory(
    service: Attacked, has_key: bool, most_mib: int
) -> None:
    headers = {"Content-Length": "4000000"} | (service.headers if has_key else {})
    sent = service.head("POST", USERS, headers) + b"x" * 3_999_999
    before = service.memory_bytes
    most = service.flood([(service.connect(), sent) for _ in range(60)], seconds=4)
    print(f"key {has_key}: {before / MIB:.0f} MiB, then at most {most / MIB:.0f} MiB")
    assert most - before < most_mib * MIB
    assert service.statuses(3) == [200] * 3


def test_an_endless_header_takes_no_memory_and_is_431(service: Attacked) -> None:
    before = service.memory_bytes
    opened = service.connect(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
    most = service.flood([(opened, b"a" * (100 * MIB))], seconds=4)
    print(f"{before / MIB:.0f} MiB, then at most {most / MIB:.0f} MiB")
    assert most - before < 50 * MIB, "half of what was sent"
    opened.settimeout(5)
    assert opened.recv(100).startswith(b"HTTP/1.1 431 ")


def test_requests_sent_ahead_take_no_memory(service: Attacked) -> None:
    before = service.memory_bytes
    ahead = b"GET /healthz HTTP/1.1\r\n\r\n" * 9_000
    most = service.flood([(service.connect(), ahead) for _ in range(30)], seconds=3)
    # These are answered after all that came before them was read.
    assert service.statuses(2) == [200] * 2
    most = max(most, service.memory_bytes)
    print(f"{before / MIB:.0f} MiB, then at most {most / MIB:.0f} MiB")
    assert most - before < 30 * MIB


def test_unfinished_heads_are_answered_or_closed_after_ten_seconds(service: Attacked) -> None:
    half = service.head("GET", USERS, {})[:-2] + b"X-A"
    began_s = time.monotonic()
    opened = [service.connect(half) for _ in range(140)]
    statuses = Counter(one.recv(12) for one in opened)
    took_s = time.monotonic() - began_s
    print(f"{statuses} after {took_s:.1f} s")
    assert statuses == {b"HTTP/1.1 408": 140}
    assert took_s > 9


def test_health_is_answered_with_few_descriptors_and_many_connections(
    programs: Programs, tmp_path: Path
) -> None:
    with attacked(programs, tmp_path, descriptors=128) as service:
        for host in (ATTACKER, "127.0.0.1"):
            for _ in range(300):
                service.connect(b"GET / HTTP/1.1\r\nX-A", host)
        took_s = []
        for _ in range(5):
            began_s = time.monotonic()
            assert service.ask("/healthz").status_code == 200
            took_s.append(time.monotonic() - began_s)
        assert service.statuses(3) == [200] * 3
        log = (tmp_path / "log").read_text()
    print(f"health in {max(took_s):.2f} s at most")
    assert "Too many open files" not in log
    assert "allows 24 connections, not 2000" in log


@pytest.mark.parametrize("addresses", [1, 2])
def test_health_is_answered_while_every_connection_has_a_request(
    programs: Programs, tmp_path: Path, addresses: int
) -> None:
    with attacked(programs, tmp_path, descriptors=128) as service:
        unfinished = service.head("POST", USERS, service.headers | {"Content-Length": "9"}) + b"{"
        for number in range(60):
            service.connect(unfinished, f"127.0.0.{2 + number % addresses}")
        assert service.ask("/healthz").status_code == 200
        other = service.ask(USERS, headers=service.headers)
        prompt = service.ask("/api/v1/system-prompt", headers=service.headers)
    print(f"{addresses} addresses: others {other.status_code}")
    assert prompt.status_code == 200
    if addresses == 1:
        assert other.status_code == 200
    else:
        assert other.status_code == 503
        assert other.json() == {"detail": "The server has too much to do; try again later"}
        assert other.headers["Connection"] == "close"


def test_streams_that_are_not_read_give_their_slots_back(
    programs: Programs, tmp_path: Path
) -> None:
    with attacked(programs, tmp_path, max_concurrent_requests=2) as service:

        def post(path: str, **body: str) -> dict[str, str]:
            answer = service.ask(path, method="POST", headers=service.headers, json=body)
            assert answer.status_code < 300, answer.text
            found: dict[str, str] = answer.json()
            return found

        post(USERS, custom_user_id="alice")
        sessions = f"{USERS}/alice/sessions"
        made = [json.dumps(post(sessions)) for _ in range(2)]
        said_in, asked_in = (json.loads(one)["session"]["session_id"] for one in made)
        for number in range(12):
            text = f"I live in Porto {number}. " * 12_000
            post(f"{sessions}/{said_in}/add-message", role="user", message=text)
        path = f"{sessions}/{asked_in}/context?stream=true&recall_strategy=low_latency"
        path += "&max_tokens=1000000&last_n_messages=100"
        sent = service.head("GET", path, service.headers)
        for _ in range(6):
            opened = service.connect(sent, receive_bytes=4_096)
            assert opened.recv(12) == b"HTTP/1.1 200"
        began_s = time.monotonic()
        assert service.statuses(5) == [200] * 5
        print(f"others in {time.monotonic() - began_s:.2f} s")


def test_varied_headers_do_not_pass_the_rate_limit(programs: Programs, tmp_path: Path) -> None:
    with attacked(programs, tmp_path, rate_limit_per_minute=10) as service:
        statuses = Counter(
            service.ask(
                USERS,
                headers=service.headers
                | {"Authorization": f"Bearer {number}", "X-Hitherto-Admin-Key": f"rca_{number}"},
            ).status_code
            for number in range(60)
        )
    print(statuses)
    # A few tokens are refilled meanwhile.
    assert statuses[200] <= 20
    assert statuses[200] + statuses[429] == 60


def test_wrong_keys_are_refused_in_the_end_and_right_ones_are_not(service: Attacked) -> None:
    callers = [service.connect() for _ in range(30)]
    statuses: Counter[bytes] = Counter()
    for turn in range(10):
        for number, caller in enumerate(callers):
            wrong = {"X-Hitherto-Admin-Key": f"rca_{turn}_{number}"}
            caller.sendall(service.head("GET", "/admin/v1/projects", wrong))
        statuses.update(map(_status, callers))
    print(statuses)
    assert statuses.keys() == {b"401", b"429"}
    assert statuses[b"401"] < 150
    right = {"X-Hitherto-Admin-Key": service.admin_key}
    callers[0].sendall(service.head("GET", "/admin/v1/projects", right))
    assert _status(callers[0]) == b"200"


def _status(opened: socket.socket) -> bytes:
    """Read one answer; its status."""
    answer = b""
    while b"\r\n\r\n" not in answer or b"}" not in answer:
        answer += opened.recv(65_536)
    return answer.split()[1]

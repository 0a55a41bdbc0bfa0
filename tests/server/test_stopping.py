"""A stop signal ends the service in time, whatever its threads do."""

import itertools
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.databases import Location
from tests.fakes import HashEmbedder
from tests.forking import Program, Programs

from hitherto import Hitherto, Parts, SessionStatus, Settings

PATIENCE_S = 60.0
ENDS_WITHIN_S = 10.0
"""With the second for the stacks, and some for a machine at work."""


class Process:
    """The service or a worker that gets stuck."""

    def __init__(self, program: Program, log: Path) -> None:
        self._program, self._log = program, log
        self.url, self.key = self.report()

    def report(self) -> Any:
        return json.loads(self._program.stdout.readline())

    def stop(self) -> tuple[int, float, str]:
        """Send SIGTERM; return the exit code, the seconds it took, and what was logged."""
        started = time.monotonic()
        self._program.send_signal(signal.SIGTERM)
        code = self._program.wait(PATIENCE_S)
        return code, time.monotonic() - started, self._log.read_text()


Start = Callable[[str, str], AbstractContextManager[Process]]


@pytest.fixture
def running(programs: Programs, path: Location, tmp_path: Path) -> Start:
    """Runs a process of a kind that gets stuck in a way."""
    numbers = itertools.count()

    @contextmanager
    def run(kind: str, way: str) -> Iterator[Process]:
        log = tmp_path / f"log{next(numbers)}"
        arguments = (str(path), kind, way)
        with programs.running("tests.server.stuck_process", *arguments, log=log) as program:
            yield Process(program, log)

    return run


def new_session(path: Location) -> str:
    """A session that is due."""
    with Hitherto(path, settings=Settings(worker=False), parts=Parts(HashEmbedder())) as memory:
        session = memory.create_user("alice").create_session()
        session.add_message("user", "I live in Porto.")
        session.process()
        return session.session_id


def session_of(path: Location) -> Any:
    with Hitherto(path, settings=Settings(worker=False), parts=Parts(HashEmbedder())) as memory:
        return memory.get_user("alice").list_sessions().sessions[0]


@pytest.mark.parametrize("kind", ["service", "worker"])
def test_a_process_ends_although_a_thread_keeps_the_interpreter_lock(
    kind: str, path: Location, running: Start
) -> None:
    new_session(path)
    with running(kind, "lock") as process:
        assert process.report() == "stuck"
        code, seconds, log = process.stop()
    assert code == -signal.SIGKILL
    assert seconds < ENDS_WITHIN_S
    assert "after a stop signal" in log
    assert "keep_the_lock" in log, "the stacks are missing"

    with (
        running("service", "loop") as process,
        httpx.Client(base_url=process.url, verify=False) as http,
    ):
        assert http.get("/healthz").is_success
        deadline = time.monotonic() + PATIENCE_S
        while (session := session_of(path)).status is not SessionStatus.FAILED:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "started 1 times and never finished" in str(session.failure_reason)
        assert http.get("/healthz").is_success
        assert process.stop()[0] == 0


def test_health_answers_and_the_process_ends_by_itself_although_a_thread_computes(
    path: Location, running: Start
) -> None:
    new_session(path)
    with (
        running("service", "loop") as process,
        httpx.Client(base_url=process.url, verify=False) as http,
    ):
        assert process.report() == "stuck"
        for _ in range(20):
            assert http.get("/healthz").is_success
        code, seconds, log = process.stop()
    assert (code, log) == (0, "")
    assert seconds < ENDS_WITHIN_S
    assert session_of(path).status is SessionStatus.PROCESSING

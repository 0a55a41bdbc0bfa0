"""A stop signal ends the service in time, whatever its threads do."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.databases import Location
from tests.fakes import HashEmbedder
from tests.server import stuck_process

from hitherto import Hitherto, Parts, SessionStatus, Settings

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
ENDS_WITHIN_S = stuck_process.GUARD_TIMEOUT_S + 8.0
"""With the second for the stacks, and some for a machine at work."""


class Process:
    """The service or a worker that gets stuck."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url, self.key = self.report()

    def report(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def stop(self) -> tuple[int, float, str]:
        """Send SIGTERM; return the exit code, the seconds it took, and what was logged.

        The output ends when its watcher has ended, too.
        """
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        _, log = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, time.monotonic() - started, log


@contextmanager
def running(path: Location, kind: str, way: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.stuck_process", str(path), kind, way],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Process(process)
    finally:
        process.kill()
        process.communicate()


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
    kind: str, path: Location
) -> None:
    new_session(path)
    for _ in range(Settings().max_starts):
        with running(path, kind, "lock") as process:
            assert process.report() == "stuck"
            code, seconds, log = process.stop()
        assert code == -signal.SIGKILL
        assert seconds < ENDS_WITHIN_S
        assert "after a stop signal" in log
        assert "keep_the_lock" in log, "the stacks are missing"

    with running(path, "service", "lock") as process:
        assert httpx.get(f"{process.url}/healthz").is_success
        deadline = time.monotonic() + PATIENCE_S
        while (session := session_of(path)).status is not SessionStatus.FAILED:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "started 3 times and never finished" in str(session.failure_reason)
        assert httpx.get(f"{process.url}/healthz").is_success
        assert process.stop()[0] == 0


def test_health_answers_and_the_process_ends_by_itself_although_a_thread_computes(
    path: Location,
) -> None:
    new_session(path)
    with running(path, "service", "loop") as process:
        assert process.report() == "stuck"
        for _ in range(20):
            assert httpx.get(f"{process.url}/healthz").is_success
        code, seconds, log = process.stop()
    assert (code, log) == (0, "")
    assert seconds < ENDS_WITHIN_S
    assert session_of(path).status is SessionStatus.PROCESSING

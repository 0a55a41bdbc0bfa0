"""Crashes: after every kill, acknowledged data stays and nothing is doubled."""

import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.databases import POSTGRESQL, SQLITE, NewDatabase
from tests.fakes import HashEmbedder
from tests.worker import crashing

from hitherto import AsyncHitherto, Parts, SessionStatus, Settings

KILLS = {SQLITE: 20, POSTGRESQL: 8}
"""Fewer on PostgreSQL, which test_fleet_crash.py kills too."""

CONVERSATIONS_A_RUN = 2
ADDING = frozenset({"message", "process"})
PROCESSING = frozenset({"step"})
PATIENCE_S = 60.0
ROOT = Path(__file__).parents[2]
TABLES = (
    "users",
    "sessions",
    "messages",
    "passages",
    "summaries",
    "memories",
    "memory_evidence",
    "memory_connections",
    "merge_conflicts",
)


class Application:
    """Runs and reports of the application that is killed."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.worker.crashing", str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def start(self, conversations: int) -> int:
        """Start a run; returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{conversations}\n")
        self._process.stdin.flush()
        kind, pid = self.report()
        assert kind == "started"
        return int(pid)

    def report(self) -> list[Any]:
        """Return the next report; fail without one."""
        report: list[Any] = json.loads(self._lines.get(timeout=PATIENCE_S))
        return report

    def end(self) -> None:
        # With the run, which holds the pipes too.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reading.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def application(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    # A process with threads at work could not be forked safely.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    running = Application(path)
    yield running
    running.end()


class Ledger:
    """Acknowledged data, to be compared with later runs."""

    def __init__(self) -> None:
        self.sessions: set[int] = set()
        self.messages: Counter[int] = Counter()
        self.due: set[int] = set()
        self.checks = 0

    def note(self, kind: str, *words: Any) -> None:
        match kind:
            case "session":
                self.sessions.add(words[0])
            case "message":
                self.messages[words[0]] += 1
            case "process":
                self.due.add(words[0])
            case "state":
                self._compare({int(number): texts for number, texts in words[0].items()})

    def _compare(self, stored: dict[int, list[Any]]) -> None:
        self.checks += 1
        assert self.sessions <= set(stored)
        unacknowledged = len(stored) - len(self.sessions)
        for number, (status, *texts) in stored.items():
            assert texts == [crashing.texts(number)[: len(texts[0])]], "doubled or out of order"
            assert len(texts[0]) >= self.messages[number], "an acknowledged message is lost"
            unacknowledged += len(texts[0]) - self.messages[number]
            if number in self.due:
                assert status in ("processing", "processed")
            elif status != "pending":
                self.due.add(number)
                unacknowledged += 1
            self.messages[number] = len(texts[0])
        assert unacknowledged <= 1, "only the call in flight may be there unacknowledged"
        self.sessions = set(stored)


def run_and_kill(
    application: Application,
    ledger: Ledger,
    conversations: int,
    awaited: frozenset[str],
    chance: random.Random,
) -> str:
    """Kill a run after a report of a kind; return the last report's kind."""
    pid = application.start(conversations)
    remaining = chance.randint(1, 7)
    kind = ""
    while remaining and kind != "idle":
        kind, *words = application.report()
        ledger.note(kind, *words)
        remaining -= kind in awaited
    # Reports stand between the steps; the moments within a step are reached by waiting.
    time.sleep(chance.random() * 2 * crashing.STEP_S)
    os.kill(pid, signal.SIGKILL)
    last = kind
    while True:
        kind, *words = application.report()
        if kind == "ended":
            assert words == [-signal.SIGKILL]
            return last
        ledger.note(kind, *words)
        last = kind


async def memories(path: Path) -> dict[str, Any]:
    """Wait with a client that is not killed, then what it shows of each user."""
    settings = Settings(poll_interval_s=0.02, lease_s=0.5)
    result: dict[str, Any] = {}
    async with AsyncHitherto(path, settings=settings, parts=Parts(HashEmbedder())) as memory:
        await memory.wait_until_processed(timeout_s=PATIENCE_S)
        result["state"] = await crashing.state(memory)
        for user in (await memory.list_users()).users:
            items = (await user.list_memories(limit=200)).items
            result[user.user_id] = Counter(
                (
                    item.content,
                    item.event_date_start,
                    item.event_date_end,
                    item.created_at,
                    len(item.evidence),
                    tuple(
                        (earlier.content, earlier.version_number, earlier.expiration_reason)
                        for earlier in item.previous_versions or ()
                    ),
                    frozenset(other.content for other in item.connected_memories or ()),
                )
                for item in items
            )
    return result


async def undisturbed(path: Path, conversations: int) -> dict[str, Any]:
    """Return the result of a run that is not killed."""
    settings = Settings(poll_interval_s=0.02)
    async with AsyncHitherto(path, settings=settings, parts=Parts(HashEmbedder())) as memory:
        await crashing.add_conversations(memory, conversations, lambda *_: None)
    return await memories(path)


def counts(path: Path) -> dict[str, int]:
    return {table: databases.count(path, table) for table in TABLES}


@pytest.mark.long
async def test_a_killed_process_loses_nothing_acknowledged_and_doubles_nothing(
    application: Application, path: Path, new_database: NewDatabase, database_kind: str
) -> None:
    kills = KILLS[database_kind]
    chance = random.Random(20)
    ledger = Ledger()
    last = Counter(
        run_and_kill(
            application,
            ledger,
            (number + 1) * CONVERSATIONS_A_RUN,
            (ADDING, PROCESSING)[number % 2],
            chance,
        )
        for number in range(kills)
    )
    assert sum(last[kind] for kind in ADDING), "no kill while adding"
    assert sum(last[kind] for kind in PROCESSING), "no kill while processing"
    conversations = kills * CONVERSATIONS_A_RUN
    # The last run is killed only when all is told.
    pid = application.start(conversations)
    while (report := application.report()) != ["idle"]:
        ledger.note(*report)
    os.kill(pid, signal.SIGKILL)
    assert ledger.checks > kills // 2

    stored = await memories(path)
    assert stored["state"] == {
        number: [SessionStatus.PROCESSED.value, crashing.texts(number)]
        for number in range(conversations)
    }
    other = new_database()
    expected = await undisturbed(other, conversations)
    assert any(line[5] for line in expected[crashing.USERS[0]]), "no memory ever changed"
    assert stored == expected
    assert counts(path) == counts(other)
    assert databases.healthy(path)
    dangling = (
        "select memory_id from memories where previous_id is not null and not exists ("
        "select 1 from memories earlier where earlier.user_id = memories.user_id"
        " and earlier.memory_id = memories.previous_id)"
    )
    assert databases.rows(path, dangling) == []

"""Transactions: all or nothing, beside each other, and in the face of a disk that refuses."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import START, Clock
from tests.fakes import HashEmbedder
from tests.store.conftest import fill

from recollect import MessageRole, Parts, Recollect, SessionStatus, Settings
from recollect.api import ContextRequest
from recollect.client.embedded import EmbeddedEngine, System
from recollect.embedding import Vectors
from recollect.engine import DEFAULT_PROJECT_ID, Resources, prepare
from recollect.errors import ClosedError, StoreError
from recollect.inference import LocalInference
from recollect.models import Extraction, Message
from recollect.store import Store, Tx, open_database
from recollect.store.database import parse_statements
from recollect.store.sqlite import SqliteDatabase
from recollect.working_set import WorkingSets

ROOT = Path(__file__).parents[2]
STATEMENTS = parse_statements(
    resources.files("recollect.store").joinpath("queries.sql").read_text(encoding="utf-8")
)


class TunedDatabase(SqliteDatabase):
    """A database whose writing connection can be given limits, and that tells when it is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, STATEMENTS)
        self.closed = threading.Event()

    def close(self) -> None:
        super().close()
        self.closed.set()

    def tune(self, pragma: str) -> int:
        """Run a pragma on the connection that writes."""
        assert self._writer is not None
        row = self._writer.execute(f"pragma {pragma}").fetchone()
        return 0 if row is None else int(row[0])

    def leave_free(self, pages: int) -> None:
        """Let the file grow by so many pages and no further."""
        self.tune(f"max_page_count = {self.tune('page_count') + pages}")

    def free(self) -> None:
        self.tune("max_page_count = 1000000")


class CountingInference(LocalInference):
    """Counts how often a session was taken up, and tells when it was more than may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self.taken_often = asyncio.Event()

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        self.taken += 1
        if self.taken > 2 * Settings().max_failures:
            self.taken_often.set()
        return await super().extract(messages, session_date, **named)


class Memory:
    """A whole memory on a database that can be tuned."""

    def __init__(self, path: Path) -> None:
        self.database = TunedDatabase(path)
        self.inference = CountingInference()
        embedder = HashEmbedder()
        self._ids = iter(f"id-{number:06}" for number in range(1_000_000))
        self._resources = Resources(
            store=Store(self.database),
            embedder=embedder,
            inference=self.inference,
            working_sets=WorkingSets(2**24),
            settings=Settings(poll_interval_s=0.01, lease_s=0.05, retry_delay_s=0),
            clock=Clock(),
            new_id=lambda: next(self._ids),
        )
        self._system = System(self._resources)
        self.api = EmbeddedEngine(self._system)

    async def open(self) -> None:
        await prepare(self._resources, DEFAULT_PROJECT_ID)
        self._system.start()

    async def messages(self, session_id: str) -> list[str]:
        page = await self.api.get_messages("alice", session_id, limit=500)
        return [message.content for message in page.messages]


@pytest.fixture
async def memory(path: Path) -> AsyncIterator[Memory]:
    found = Memory(path)
    await found.open()
    await found.api.create_user("alice")
    yield found
    await found.api.close()


@pytest.fixture
async def session_id(memory: Memory) -> str:
    return (await memory.api.create_session("alice")).session_id


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    found = Store(open_database(path))
    await found.open()
    await found.write(DEFAULT_PROJECT_ID, lambda tx: tx.ensure_project("default", START))
    yield found
    await found.close()


def create(name: str) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        tx.create_user(f"id-{name}", name, {}, None, START)

    return work


def names(tx: Tx) -> list[str]:
    return sorted(user.user_id for user in tx.scan_users())


def healthy(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("pragma integrity_check").fetchall()
        return found == [("ok",)] and not connection.execute("pragma foreign_key_check").fetchall()


# All or nothing


async def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        create("alice")(tx)
        user = tx.user("alice")
        user.create_session("one", {}, START, None, START)
        user.add_message("one", MessageRole.USER, "Hello", START)
        assert names(tx) == ["alice"]
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        await store.write(DEFAULT_PROJECT_ID, work)
    assert await store.read(DEFAULT_PROJECT_ID, names) == []
    await store.write(DEFAULT_PROJECT_ID, create("bruno"))
    assert await store.read(DEFAULT_PROJECT_ID, names) == ["bruno"]


async def test_a_statement_that_the_schema_refuses_leaves_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        create("alice")(tx)
        user = tx.user("alice")
        user.create_session("one", {}, START, None, START)
        user.create_session("one", {}, START, None, START)

    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        await store.write(DEFAULT_PROJECT_ID, work)
    assert await store.read(DEFAULT_PROJECT_ID, names) == []


async def test_a_reader_sees_one_state_while_a_writer_goes_on(store: Store) -> None:
    reading, written = threading.Event(), threading.Event()

    def read(tx: Tx) -> tuple[list[str], list[str]]:
        first = names(tx)
        reading.set()
        assert written.wait(20)
        return first, names(tx)

    async def write() -> None:
        assert await asyncio.to_thread(reading.wait, 20)
        await store.write(DEFAULT_PROJECT_ID, create("alice"))
        written.set()

    seen, _ = await asyncio.gather(store.read(DEFAULT_PROJECT_ID, read), write())
    assert seen == ([], [])
    assert await store.read(DEFAULT_PROJECT_ID, names) == ["alice"]


async def test_closing_waits_for_what_is_running_and_leaves_nothing_open(
    path: Path, nothing_left_open: Callable[[], None]
) -> None:
    database = TunedDatabase(path)
    store = Store(database)
    await store.open()
    reading = threading.Event()

    def read(tx: Tx) -> list[str]:
        reading.set()
        assert not database.closed.wait(0.1)
        return names(tx)

    task = asyncio.create_task(store.read(DEFAULT_PROJECT_ID, read))
    assert await asyncio.to_thread(reading.wait, 20)
    await store.close()
    assert await task == []
    with pytest.raises(ClosedError):
        await store.read(DEFAULT_PROJECT_ID, names)
    await store.close()
    nothing_left_open()


# Beside each other


async def test_writers_in_many_threads_lose_no_update(path: Path) -> None:
    """Several stores on one file, as several clients have them, each with a writing thread."""
    stores = [Store(open_database(path)) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))

    def start(tx: Tx) -> None:
        tx.ensure_project("default", START)
        create("alice")(tx)
        tx.user("alice").create_session("one", {}, START, None, START)

    def count(tx: Tx) -> None:
        user = tx.user("alice")
        number = user.model.metadata.get("number", 0)
        tx.update_user(user, "alice", {"number": number + 1}, None)
        user.add_message("one", MessageRole.USER, str(number), START)

    await stores[0].write(DEFAULT_PROJECT_ID, start)
    await asyncio.gather(
        *(store.write(DEFAULT_PROJECT_ID, count) for store in stores for _ in range(50))
    )
    told = await stores[0].read(DEFAULT_PROJECT_ID, lambda tx: tx.user("alice").messages("one"))
    assert [message.content for message in told] == [str(number) for number in range(200)]
    for store in stores:
        await store.close()


WRITER = """
import sys
from recollect import Parts, Recollect
from tests.fakes import HashEmbedder

path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with Recollect(path, parts=Parts(HashEmbedder())) as memory:
    session = memory.get_user("alice").get_session("one")
    for number in range(60):
        session.add_message("user", f"{name} {number}")
"""


@contextmanager
def processes(code: str, *arguments: Sequence[str]) -> Iterator[list["subprocess.Popen[str]"]]:
    """Run code once for each list of arguments, all let go at the same moment."""
    found = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for words in arguments
    ]
    for process in found:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    yield found
    for process in found:
        process.kill()
        process.wait()


def finish(started: list["subprocess.Popen[str]"]) -> list[str]:
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started)
    return answers


async def test_writers_in_two_processes_lose_nothing_and_keep_their_order(
    memory: Memory, path: Path
) -> None:
    def work(tx: Tx) -> None:
        tx.user("alice").create_session("one", {}, START, None, START)

    await memory._resources.store.write(DEFAULT_PROJECT_ID, work)
    with processes(WRITER, (str(path), "left"), (str(path), "right")) as started:
        writing = asyncio.create_task(asyncio.to_thread(finish, started))
        for number in range(60):
            await memory.api.add_message("alice", "one", MessageRole.USER, f"here {number}")
        await writing
    told = await memory.messages("one")
    for name in ("left", "right", "here"):
        assert [line for line in told if line.startswith(name)] == [
            f"{name} {number}" for number in range(60)
        ]
    assert len(told) == 180


OPENER = """
import sys
from recollect.store import open_database

databases = [open_database(path) for path in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.readline()
for database in databases:
    database.open()
    database.close()
"""


def test_new_files_opened_by_several_processes_at_once_are_migrated_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.db" for number in range(25)]
    arguments = [str(path) for path in paths]
    with processes(OPENER, arguments, arguments, arguments) as started:
        finish(started)
    for path in paths:
        with closing(sqlite3.connect(path)) as connection:
            applied = connection.execute("select version from schema_migrations").fetchall()
            assert applied == [(number,) for number in range(1, len(applied) + 1)]
            assert applied
            assert connection.execute("pragma journal_mode").fetchone() == ("wal",)


# A disk that refuses


async def fill_until_refused(memory: Memory, session_id: str) -> list[str]:
    """Add messages until the store refuses; returns those that it took."""
    contents = [f"{number} " + "word " * 2_000 for number in range(20)]
    answers = await asyncio.gather(
        *(
            memory.api.add_message("alice", session_id, MessageRole.USER, content)
            for content in contents
        ),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if answer is not None]
    assert refused
    for error in refused:
        assert isinstance(error, StoreError)
        assert str(error).endswith("is full; free some space and try again")
    return [content for content, answer in zip(contents, answers, strict=True) if answer is None]


async def test_a_full_disk_is_told_and_the_memory_stays_usable(
    memory: Memory, session_id: str, path: Path
) -> None:
    memory.database.leave_free(10)
    taken = await fill_until_refused(memory, session_id)
    assert taken
    assert await memory.messages(session_id) == taken
    context = await memory.api.get_context("alice", session_id, ContextRequest())
    assert context.is_final
    memory.database.free()
    await memory.api.add_message("alice", session_id, MessageRole.USER, "I live in Porto.")
    assert await memory.messages(session_id) == [*taken, "I live in Porto."]
    assert healthy(path)
    await memory.api.process("alice", session_id)
    await memory.api.wait_until_processed(timeout_s=20)
    found = await memory.api.list_memories("alice")
    assert [item.content for item in found.items] == ["User lives in Porto"]


async def test_a_disk_that_is_full_while_processing_puts_it_off(
    memory: Memory, session_id: str, path: Path
) -> None:
    for number in range(100):
        content = f"I live in Porto. {number} was my number on that day, which was a long one."
        await memory.api.add_message("alice", session_id, MessageRole.USER, content)
    memory.database.leave_free(2)
    await memory.api.process("alice", session_id)
    await asyncio.wait_for(memory.inference.taken_often.wait(), 20)
    session = await memory.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSING
    assert (await memory.api.list_memories("alice")).total == 0
    memory.database.free()
    await memory.api.wait_until_processed(timeout_s=20)
    session = await memory.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSED
    assert (await memory.api.list_memories("alice")).total == 1
    assert healthy(path)


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """Let this process make no file larger than that: writing fails as on a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_the_system_refuses_is_told_and_leaves_nothing(
    filled: Path, settings: Settings
) -> None:
    with Recollect(filled, settings=settings, parts=Parts(HashEmbedder())) as memory:
        user = memory.get_user("user-0")
        session = user.create_session()
        session.add_message("user", "before")
        with (
            no_file_above(200_000),
            pytest.raises(StoreError, match=r"memory\.db: disk I/O error; check the disk"),
        ):
            session.add_message("user", "word " * 50_000)
        session.add_message("user", "after")
        told = [message.content for message in session.get_messages().messages]
        assert told == ["before", "after"]
        assert "Where" not in (session.get_context().context or "")
        session.process()
        memory.wait_until_processed(timeout_s=20)
    assert healthy(filled)


async def test_a_database_that_may_not_be_written_says_so(memory: Memory, session_id: str) -> None:
    memory.database.tune("query_only = 1")
    with pytest.raises(StoreError, match="readonly database; make the file and its folder wri"):
        await memory.api.add_message("alice", session_id, MessageRole.USER, "Hello")
    assert await memory.messages(session_id) == []
    memory.database.tune("query_only = 0")
    await memory.api.add_message("alice", session_id, MessageRole.USER, "Hello")
    assert await memory.messages(session_id) == ["Hello"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Take the rights of a plain user, whom the mode of a file binds."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(("file_mode", "message"), [(0o444, "writable"), (0o000, "unable to open")])
def test_a_file_without_permission_is_refused(
    file_mode: int, message: str, settings: Settings
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        fill(path, settings)
        before = path.read_bytes()
        path.chmod(file_mode)
        Path(folder).chmod(0o555)
        with as_nobody(), pytest.raises(StoreError, match=message) as raised:
            Recollect(path, settings=settings, parts=Parts(HashEmbedder()))
        Path(folder).chmod(0o755)
        path.chmod(0o644)
        assert str(path) in str(raised.value)
        assert path.read_bytes() == before


async def test_waiting_for_another_writer_ends_when_it_is_done(
    memory: Memory, session_id: str, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        adding = asyncio.create_task(
            memory.api.add_message("alice", session_id, MessageRole.USER, "Hello")
        )
        # Reading goes on meanwhile.
        assert await memory.messages(session_id) == []
        assert not adding.done()
        other.execute("commit")
        await adding
    assert await memory.messages(session_id) == ["Hello"]


async def test_a_writer_that_never_ends_is_given_up_on(
    memory: Memory, session_id: str, path: Path
) -> None:
    memory.database.tune("busy_timeout = 50")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="locked; another process has been writing"):
            await memory.api.add_message("alice", session_id, MessageRole.USER, "Hello")
        other.execute("rollback")
    await memory.api.add_message("alice", session_id, MessageRole.USER, "Hello")
    assert await memory.messages(session_id) == ["Hello"]


class FailingEmbedder(HashEmbedder):
    """Fails for one text."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        if any("unspeakable" in text for text in texts):
            raise ValueError("no vector for this")
        return super().embed(texts)


def test_a_failure_of_one_users_session_holds_up_nobody_else(path: Path, clock: Clock) -> None:
    settings = Settings(poll_interval_s=0.01, retry_delay_s=0)
    parts = Parts(FailingEmbedder(), clock=clock)
    with Recollect(path, settings=settings, parts=parts) as memory:
        sessions: list[Any] = []
        for name, text in (("alice", "An unspeakable thing."), ("bruno", "I live in Porto.")):
            session = memory.create_user(name).create_session()
            session.add_message("user", text)
            session.process()
            sessions.append(session)
        memory.wait_until_processed(timeout_s=20)
        for session in sessions:
            session.refresh()
        assert [session.status for session in sessions] == [
            SessionStatus.FAILED,
            SessionStatus.PROCESSED,
        ]
        assert sessions[0].failure_reason == "ValueError: no vector for this"
        assert memory.get_user("bruno").list_memories().total == 1

"""SQLite's files: a disk that refuses, rights that are missing, and others that write."""

import asyncio
import os
import resource
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Clock
from tests.databases import healthy
from tests.fakes import HashEmbedder
from tests.statement_models import PlainModel
from tests.store.conftest import fill

from hitherto import Hitherto, MessageRole, Parts, SessionStatus, Settings
from hitherto.api import ContextRequest
from hitherto.engine import DEFAULT_PROJECT_ID, Resources, prepare
from hitherto.errors import StoreError
from hitherto.inference import LocalInference
from hitherto.memory_index import IndexCache
from hitherto.models import Extraction, Message
from hitherto.store import Store
from hitherto.store.database import parse_statements
from hitherto.store.sqlite import SqliteDatabase
from hitherto.system import EmbeddedEngine, System

STATEMENTS = parse_statements(
    resources.files("hitherto.store").joinpath("queries.sql").read_text(encoding="utf-8")
)


class TunedDatabase(SqliteDatabase):
    """A database whose writing connection can be given limits."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, STATEMENTS)

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
    """Inference that counts starts of a session and signals too many."""

    def __init__(self) -> None:
        super().__init__(PlainModel())
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
            index_cache=IndexCache(2**24),
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
    opened = Memory(path)
    await opened.open()
    await opened.api.create_user("alice")
    yield opened
    await opened.api.close()


@pytest.fixture
async def session_id(memory: Memory) -> str:
    return (await memory.api.create_session("alice")).session_id


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
    page = await memory.api.list_memories("alice")
    assert [item.content for item in page.items] == ["User lives in Porto"]


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
    with Hitherto(filled, settings=settings, parts=Parts(HashEmbedder())) as memory:
        user = memory.get_user("user-0")
        session = user.create_session()
        session.add_message("user", "before")
        with (
            no_file_above(200_000),
            pytest.raises(StoreError, match=r"memory\.db: disk I/O error; check the disk"),
        ):
            session.add_message("user", "word " * 50_000)
        session.add_message("user", "after")
        texts = [message.content for message in session.get_messages().messages]
        assert texts == ["before", "after"]
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
    """Drop the rights of root, so that the modes of files apply."""
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
            Hitherto(path, settings=settings, parts=Parts(HashEmbedder()))
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

"""Threads and readers of background work, and timeouts of jobs."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.fakes import HashEmbedder

from hitherto import Parts, SessionStatus, Settings
from hitherto.api import MemoryApi
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import ValidationError
from hitherto.inference import LocalInference
from hitherto.models import Extraction, MessageRole
from hitherto.store import Store, Transaction, open_database
from hitherto.store.database import BusyError, parse_statements
from hitherto.store.sqlite import SqliteDatabase
from hitherto.system import open_system
from hitherto.threads import BackgroundThreads, in_thread, is_background

PATIENCE_S = 20.0


async def in_background(call: Any, *arguments: Any) -> Any:
    """Run a function on a background thread; the test's own task stays as it is."""

    async def run() -> Any:
        BackgroundThreads("tests").enter()
        return await in_thread(call, *arguments)

    return await asyncio.create_task(run())


async def test_background_work_does_not_wait_for_the_threads_of_requests() -> None:
    go_on = threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    request = asyncio.create_task(in_thread(go_on.wait, PATIENCE_S))
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(PATIENCE_S / 2):
            assert await in_background(lambda: threading.current_thread().daemon)
    finally:
        go_on.set()
    assert await request


async def test_a_background_thread_hands_on_context_result_and_error() -> None:
    variable: ContextVar[str] = ContextVar("shown")
    variable.set("of the caller")
    assert await in_background(variable.get) == "of the caller"
    assert await in_background(is_background)
    assert not is_background()
    with pytest.raises(ValidationError, match="told to"):
        await in_background(_fail)


def _fail() -> None:
    raise ValidationError("told to")


async def test_a_call_that_nobody_waits_for_is_counted_until_it_ends() -> None:
    go_on = threading.Event()
    threads = BackgroundThreads("tests")

    async def run() -> None:
        threads.enter()
        await in_thread(go_on.wait, PATIENCE_S)

    task = asyncio.create_task(run())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    assert (task.cancelled(), threads.running) == (True, 1)
    go_on.set()
    await threads.join()
    assert threads.running == 0


# Jobs


class Blocked(LocalInference):
    """Blocks its thread where a message says so, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.begun = 0

    async def extract(self, messages: Any, *given: Any, **named: Any) -> Extraction:
        if any("block" in message.content for message in messages):
            self.begun += 1
            await in_thread(self.go_on.wait, PATIENCE_S)
        return await super().extract(messages, *given, **named)


async def session_of(api: MemoryApi, name: str, text: str) -> str:
    """Have a session of a new user processed."""
    await api.create_user(name)
    session = await api.create_session(name)
    await api.add_message(name, session.session_id, MessageRole.USER, text)
    await api.process(name, session.session_id)
    return session.session_id


async def end_of(api: MemoryApi, name: str, session_id: str) -> Any:
    """Wait for the end of a session's processing and return the session."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            session = await api.get_session(name, session_id)
            if session.status is not SessionStatus.PROCESSING:
                return session
            await asyncio.sleep(0.01)


async def test_a_job_that_takes_too_long_is_given_up_and_takes_one_place_until_it_ends(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inference = Blocked()
    settings = Settings(
        poll_interval_s=0.02, retry_delay_s=0, max_failures=1, processing_timeout_s=2
    )
    system = await open_system(path, settings, Parts(HashEmbedder(), inference))
    try:
        api = system.engine(DEFAULT_PROJECT_ID)
        with caplog.at_level(logging.ERROR, "hitherto.background.worker"):
            session_id = await session_of(api, "alice", "Please block.")
            session = await end_of(api, "alice", session_id)
        assert session.status is SessionStatus.FAILED
        assert session.failure_reason == (
            "ProcessingTimeoutError: processing took longer than 2 s; split the session into "
            "shorter ones"
        )
        other = await system.admin.create_project("other")
        neighbour = system.engine(other.project_id)
        free = await session_of(neighbour, "bruno", "I live in Porto.")
        assert (await end_of(neighbour, "bruno", free)).status is SessionStatus.PROCESSED
        # The place of the project is taken, so that it cannot take all.
        waiting = await session_of(api, "carla", "Please block.")
        for number in range(3):
            name = f"dora-{number}"
            free = await session_of(neighbour, name, "I live in Porto.")
            assert (await end_of(neighbour, name, free)).status is SessionStatus.PROCESSED
        assert inference.begun == 1
        assert "still being computed; it takes 1 of 4 places" in caplog.text
        inference.go_on.set()
        assert (await end_of(api, "carla", waiting)).status is SessionStatus.PROCESSED
        # What came out too late is not stored.
        assert (await api.get_session("alice", session_id)).status is SessionStatus.FAILED
    finally:
        inference.go_on.set()
        await system.close()


class Endless(LocalInference):
    """Waits for what does not come."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    async def extract(self, *given: Any, **named: Any) -> Extraction:
        self.begun += 1
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_job_that_takes_too_long_is_tried_as_often_as_others(path: Path) -> None:
    inference = Endless()
    settings = Settings(poll_interval_s=0.02, retry_delay_s=0, processing_timeout_s=1)
    system = await open_system(path, settings, Parts(HashEmbedder(), inference))
    try:
        api = system.engine(DEFAULT_PROJECT_ID)
        session_id = await session_of(api, "alice", "I live in Porto.")
        assert (await end_of(api, "alice", session_id)).status is SessionStatus.FAILED
        assert inference.begun == settings.max_failures
    finally:
        await system.close()


# Readers


class Locked(SqliteDatabase):
    """A database on which another process holds a lock for a moment."""

    @contextmanager
    def glance(self) -> Iterator[Any]:
        raise BusyError("locked")
        yield


async def test_a_glance_waits_for_a_lock_on_a_thread(tmp_path: Path) -> None:
    statements = parse_statements(files("hitherto.store").joinpath("queries.sql").read_text())
    store = Store(Locked(tmp_path / "memory.db", statements))
    await store.open()
    try:
        thread = await store.glance(lambda _: threading.current_thread())
        assert thread is not threading.current_thread()
    finally:
        await store.close()


async def test_a_glance_at_a_file_uses_no_thread_and_waits_for_nothing(tmp_path: Path) -> None:
    store = Store(open_database(tmp_path / "memory.db"))
    await store.open()
    try:
        thread = await store.glance(lambda _: threading.current_thread())
        assert thread is threading.current_thread()
    finally:
        await store.close()


def occupied(store: Store, number: int, go_on: threading.Event) -> list[asyncio.Task[bool]]:
    """Reads that do not end until they are let go."""

    def read(_tx: Transaction) -> bool:
        return go_on.wait(PATIENCE_S)

    return [asyncio.create_task(store.read(read)) for _ in range(number)]


async def test_a_session_is_processed_while_requests_occupy_all_their_readers(path: Path) -> None:
    go_on = threading.Event()
    settings = Settings(poll_interval_s=0.02)
    system = await open_system(path, settings, Parts(HashEmbedder()))
    try:
        api = system.engine(DEFAULT_PROJECT_ID)
        await api.create_user("alice")
        session = await api.create_session("alice")
        await api.add_message("alice", session.session_id, MessageRole.USER, "I live in Porto.")
        reading = occupied(system.resources.store, 64, go_on)
        await asyncio.sleep(0.1)
        await api.process("alice", session.session_id)
        await system.resources.work_done.wait(PATIENCE_S / 2)
        assert not any(task.done() for task in reading)
        go_on.set()
        assert all(await asyncio.gather(*reading))
        assert (await end_of(api, "alice", session.session_id)).status is SessionStatus.PROCESSED
    finally:
        go_on.set()
        await system.close()


async def test_requests_read_while_background_work_occupies_its_readers(store: Store) -> None:
    go_on = threading.Event()

    async def background() -> None:
        BackgroundThreads("tests").enter()
        await asyncio.gather(*occupied(store, 8, go_on))

    working = asyncio.create_task(background())
    await asyncio.sleep(0.05)
    try:
        async with asyncio.timeout(PATIENCE_S / 2):
            assert await store.read(lambda tx: tx.jobs.next_due()) is None
    finally:
        go_on.set()
        await working

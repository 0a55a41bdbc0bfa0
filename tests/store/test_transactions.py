"""Transactions: all or nothing, concurrently, and with a failing disk."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.conftest import START, Clock
from tests.databases import Location, NewDatabase
from tests.fakes import HashEmbedder
from tests.forking import Program, Programs

from hitherto import AsyncHitherto, Hitherto, MessageRole, Parts, SessionStatus, Settings
from hitherto.embedding import Vectors
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import ClosedError, StoreError
from hitherto.store import ProjectUsers, Store, open_database
from hitherto.store.migrate import migrations


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = Store(open_database(path))
    await opened.open()
    await opened.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).ensure_project("default", START))
    yield opened
    await opened.close()


def create(name: str) -> Callable[[ProjectUsers], None]:
    def work(tx: ProjectUsers) -> None:
        tx.create_user(f"id-{name}", name, {}, None, START)

    return work


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def names(tx: ProjectUsers) -> list[str]:
    return sorted(user.user_id for user in tx.scan_users())


# Reading in parts


async def test_all_users_and_sessions_are_read_once_and_newest_first(store: Store) -> None:
    """Several parts, in which many share an instant."""

    def work(tx: ProjectUsers) -> tuple[list[str], list[str], list[str], list[str]]:
        for number in range(430):
            tx.create_user(f"{number:03}", f"name-{number}", {}, None, after(number // 70))
        user = tx.user("name-7")
        for number in range(430):
            user.sessions.create(f"{number:03}", {}, after(number // 70), None, START)
        users = [item.user_id for item in tx.page_users(0, 1000)]
        sessions = [item.session_id for item in user.sessions.page(0, 1000)]
        return (
            users,
            [item.user_id for item in tx.scan_users()],
            sessions,
            [item.session_id for item in user.sessions.scan()],
        )

    users, scanned_users, sessions, scanned_sessions = await store.write(
        lambda tx: work(tx.users(DEFAULT_PROJECT_ID))
    )
    assert scanned_users == users
    assert scanned_sessions == sessions == [f"{number:03}" for number in reversed(range(430))]


# All or nothing


async def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    def work(tx: ProjectUsers) -> None:
        create("alice")(tx)
        user = tx.user("alice")
        user.sessions.create("one", {}, START, None, START)
        user.messages.add("one", MessageRole.USER, "Hello", START)
        assert names(tx) == ["alice"]
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        await store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))
    assert await store.read(lambda tx: names(tx.users(DEFAULT_PROJECT_ID))) == []
    await store.write(lambda tx: create("bruno")(tx.users(DEFAULT_PROJECT_ID)))
    assert await store.read(lambda tx: names(tx.users(DEFAULT_PROJECT_ID))) == ["bruno"]


async def test_a_statement_that_the_schema_refuses_leaves_nothing(store: Store) -> None:
    def work(tx: ProjectUsers) -> None:
        create("alice")(tx)
        user = tx.user("alice")
        user.sessions.create("one", {}, START, None, START)
        user.sessions.create("one", {}, START, None, START)

    with pytest.raises(StoreError, match=r"UNIQUE constraint failed|duplicate key value"):
        await store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))
    assert await store.read(lambda tx: names(tx.users(DEFAULT_PROJECT_ID))) == []


async def test_a_reader_sees_one_state_while_a_writer_goes_on(store: Store) -> None:
    reading, written = threading.Event(), threading.Event()

    def read(tx: ProjectUsers) -> tuple[list[str], list[str]]:
        first = names(tx)
        reading.set()
        assert written.wait(20)
        return first, names(tx)

    async def write() -> None:
        assert await asyncio.to_thread(reading.wait, 20)
        await store.write(lambda tx: create("alice")(tx.users(DEFAULT_PROJECT_ID)))
        written.set()

    seen, _ = await asyncio.gather(
        store.read(lambda tx: read(tx.users(DEFAULT_PROJECT_ID))), write()
    )
    assert seen == ([], [])
    assert await store.read(lambda tx: names(tx.users(DEFAULT_PROJECT_ID))) == ["alice"]


async def test_closing_waits_for_what_is_running_and_leaves_nothing_open(
    path: Location, nothing_left_open: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, closed = open_database(path), threading.Event()
    close = database.close
    monkeypatch.setattr(database, "close", lambda: (close(), closed.set()))
    store = Store(database)
    await store.open()
    reading = threading.Event()

    def read(tx: ProjectUsers) -> list[str]:
        reading.set()
        assert not closed.wait(0.1)
        return names(tx)

    task = asyncio.create_task(store.read(lambda tx: read(tx.users(DEFAULT_PROJECT_ID))))
    assert await asyncio.to_thread(reading.wait, 20)
    await store.close()
    assert await task == []
    with pytest.raises(ClosedError):
        await store.read(lambda tx: names(tx.users(DEFAULT_PROJECT_ID)))
    await store.close()
    nothing_left_open()


# Beside each other


async def test_writers_in_many_threads_lose_no_update(path: Path) -> None:
    """Several stores on one file, as several clients have them, each with a writing thread."""
    stores = [Store(open_database(path)) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))

    def start(tx: ProjectUsers) -> None:
        tx.ensure_project("default", START)
        create("alice")(tx)
        tx.user("alice").sessions.create("one", {}, START, None, START)

    def count(tx: ProjectUsers) -> None:
        user = tx.user("alice")
        number = user.model.metadata.get("number", 0)
        tx.update_user(user, "alice", {"number": number + 1}, None, None)
        user.messages.add("one", MessageRole.USER, str(number), START)

    await stores[0].write(lambda tx: start(tx.users(DEFAULT_PROJECT_ID)))
    await asyncio.gather(
        *(
            store.write(lambda tx: count(tx.users(DEFAULT_PROJECT_ID)))
            for store in stores
            for _ in range(50)
        )
    )
    contents = await stores[0].read(
        lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").messages.of_session("one")
    )
    assert [message.content for message in contents] == [str(number) for number in range(200)]
    for store in stores:
        await store.close()


@pytest.fixture
def racing(programs: Programs, tmp_path: Path) -> Iterator[Callable[..., list[Program]]]:
    """Starts programs of `racing_process` with lists of arguments; they wait for a sign."""
    with ExitStack() as ending:

        def start(*arguments: Sequence[str]) -> list[Program]:
            started = [
                ending.enter_context(
                    programs.running(
                        "tests.store.racing_process", *words, log=tmp_path / f"log{number}"
                    )
                )
                for number, words in enumerate(arguments)
            ]
            assert [process.stdout.readline() for process in started] == ["ready\n"] * len(started)
            return started

        yield start


def finish(started: list[Program]) -> None:
    """Let all go at the same moment, and wait until they have ended."""
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in started] == [0] * len(started)


async def test_writers_in_two_processes_lose_nothing_and_keep_their_order(
    path: Location, settings: Settings, racing: Callable[..., list[Program]]
) -> None:
    async with AsyncHitherto(path, settings=settings, parts=Parts(HashEmbedder())) as memory:
        user = await memory.create_user("alice")
        session = await user.create_session()
        arguments = ["write", str(path), session.session_id]
        started = racing([*arguments, "left"], [*arguments, "right"])
        writing = asyncio.create_task(asyncio.to_thread(finish, started))
        for number in range(60):
            await session.add_message("user", f"here {number}")
        await writing
        page = await session.get_messages(limit=500)
        contents = [message.content for message in page.messages]
    for name in ("left", "right", "here"):
        assert [line for line in contents if line.startswith(name)] == [
            f"{name} {number}" for number in range(60)
        ]
    assert len(contents) == 180


def test_new_databases_opened_by_several_processes_at_once_are_migrated_once(
    new_database: NewDatabase, racing: Callable[..., list[Program]]
) -> None:
    locations = [new_database() for _ in range(5)]
    for location in locations:
        databases.migrate_to(location, 0)
    arguments = ["open", *(str(location) for location in locations)]
    finish(racing(arguments, arguments, arguments))
    for location in locations:
        applied = databases.values(location, "select version from schema_migrations order by 1")
        assert applied == [(number,) for number in range(1, len(migrations()) + 1)]


class FailingEmbedder(HashEmbedder):
    """Fails for one text."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        if any("unspeakable" in text for text in texts):
            raise ValueError("no vector for this")
        return super().embed(texts)


def test_a_failure_of_one_users_session_holds_up_nobody_else(path: Path, clock: Clock) -> None:
    settings = Settings(poll_interval_s=0.01, retry_delay_s=0)
    parts = Parts(FailingEmbedder(), clock=clock)
    with Hitherto(path, settings=settings, parts=parts) as memory:
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
        reason = "ValueError: an unexpected error; the log has the details"
        assert sessions[0].failure_reason == reason
        assert memory.get_user("bruno").list_memories().total == 1

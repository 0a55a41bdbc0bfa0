"""Work that one process announces wakes the workers of others, where the database can tell."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from queue import Queue
from typing import Any

import psycopg
import pytest
from tests.databases import Location, NewDatabase
from tests.fakes import HashEmbedder

from hitherto import AsyncHitherto, MessageRole, Parts, Settings
from hitherto.store import open_database

pytestmark = pytest.mark.postgresql

NEVER_S = 3_600.0
"""So long a worker here does not look by itself."""


@asynccontextmanager
async def memory(path: Location, **settings: Any) -> AsyncIterator[AsyncHitherto]:
    parts = Parts(embedder=HashEmbedder())
    async with AsyncHitherto(path, settings=Settings(**settings), parts=parts) as opened:
        yield opened


async def processed(server: AsyncHitherto, name: str) -> list[str]:
    """Tell a session and wait for it, looking often; what is remembered then."""
    user = await server.create_user(name)
    session = await user.create_session()
    await session.add_message(MessageRole.USER, "I live in Porto.")
    await session.process()
    await server.wait_until_processed(timeout_s=20)
    return [item.content for item in (await user.list_memories()).items]


async def test_a_worker_takes_up_what_another_process_has_made_due(path: Location) -> None:
    async with (
        memory(path, poll_interval_s=NEVER_S),
        memory(path, worker=False, poll_interval_s=0.02) as server,
    ):
        for name in ("alice", "bruno"):
            assert await processed(server, name) == ["User lives in Porto"]


async def test_a_worker_whose_connection_broke_listens_again(path: Location) -> None:
    async with (
        memory(path, poll_interval_s=NEVER_S),
        memory(path, worker=False, poll_interval_s=0.02) as server,
    ):
        await processed(server, "alice")
        with psycopg.connect(str(path), autocommit=True) as administrator:
            latest = "query like 'listen%' or query like '%current_schema() as name%'"
            ended = administrator.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
                f" and ({latest})"
            ).fetchall()
        assert ended == [(True,)]
        assert await processed(server, "bruno") == ["User lives in Porto"]


async def test_one_schema_of_a_database_does_not_hear_another(new_database: NewDatabase) -> None:
    address = str(new_database())
    with psycopg.connect(address, autocommit=True) as administrator:
        administrator.execute("create schema other")
    other = f"{address}&options=-csearch_path%3Dother"
    ours: Queue[str] = Queue()
    theirs: Queue[str] = Queue()
    with listening(address, ours), listening(other, theirs):
        await asyncio.to_thread(ours.get, timeout=20)
        await asyncio.to_thread(theirs.get, timeout=20)
        async with memory(address, worker=False) as server:
            user = await server.create_user("alice")
            session = await user.create_session()
            await session.add_message(MessageRole.USER, "I live in Porto.")
            await session.process()
        await asyncio.to_thread(ours.get, timeout=20)
    assert theirs.empty()


@contextmanager
def listening(address: str, heard: Queue[str]) -> Iterator[None]:
    database = open_database(address)
    database.open()
    end = database.listen(lambda: heard.put("work"))
    yield
    end()
    database.close()

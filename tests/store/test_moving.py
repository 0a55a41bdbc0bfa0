"""Copies from a file to PostgreSQL and back, without loss."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from tests.databases import Location, count, values
from tests.fakes import HashEmbedder
from tests.store.earlier import NEWEST, write

from hitherto import AsyncHitherto, MessageRole, Parts
from hitherto.errors import StoreError
from hitherto.models import SaidBy
from hitherto.store import open_database
from hitherto.store.copying import CopyProgress, copy

pytestmark = pytest.mark.postgresql


class StopError(Exception):
    """Error with which a test interrupts a copy."""


def ignore(_progress: CopyProgress) -> None:
    return


def move(
    source: Location,
    target: Location,
    report: Callable[[CopyProgress], None] = ignore,
    batch_rows: int = 500,
) -> dict[str, tuple[int, str]]:
    """Copy; return the number of rows and their digest for each table."""
    copied = copy(
        partial(open_database, source),
        partial(open_database, target),
        "here",
        report,
        batch_rows=batch_rows,
    )
    return {item.name: (item.rows, item.digest) for item in copied}


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A memory in a file, with something in every table."""
    path = tmp_path / "memory.db"
    write(path, NEWEST)
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder(32))) as memory:
        for name in ("bruno", "çelik"):
            user = await memory.create_user(name, metadata={"note": "naïve ☕"})
            for text in (
                "I live in Porto.",
                "I have a dog called Bica.",
                "I moved to Lisbon. 🎉 %s :x",
            ):
                session = await user.create_session()
                await session.add_message(MessageRole.USER, text)
                await session.process()
                await memory.wait_until_processed(timeout_s=20)
    return path


async def test_a_memory_moves_to_a_server_and_back(
    file: Path, path: Location, tmp_path: Path
) -> None:
    there = move(file, path)
    back = tmp_path / "back.db"
    assert move(path, back) == there
    for table, (rows, _) in there.items():
        assert count(path, table) == rows
        assert sorted(values(back, f"select * from {table}"), key=repr) == sorted(
            values(file, f"select * from {table}"), key=repr
        )


async def test_what_was_quoted_is_still_quoted_there_and_back(
    file: Path, path: Location, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("update memories set is_quoted = 1 where content like '%Bica%'")
    move(file, path)
    back = tmp_path / "back.db"
    move(path, back)
    for location in (path, back):
        async with AsyncHitherto(location, parts=Parts(embedder=HashEmbedder(32))) as memory:
            user = await memory.get_user("bruno")
            speakers = {item.content: item.said_by for item in (await user.list_memories()).items}
        marked = [content for content, said_by in speakers.items() if said_by is SaidBy.QUOTED]
        assert marked
        assert all("Bica" in content for content in marked)
        assert SaidBy.USER in speakers.values()


async def test_what_was_moved_is_recalled_and_worked_on(file: Path, path: Location) -> None:
    move(file, path)
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder(32))) as memory:
        user = await memory.get_user("çelik")
        session = await user.create_session()
        await session.add_message(MessageRole.USER, "I moved to Faro.")
        await session.process()
        await memory.wait_until_processed(timeout_s=20)
        contents = [item.content for item in (await user.list_memories()).items]
        assert any("Faro" in content for content in contents)


@pytest.mark.parametrize("batches", [1, 5, 20])
async def test_an_interrupted_move_goes_on_from_there(
    file: Path, path: Location, batches: int
) -> None:
    progress_reports: list[CopyProgress] = []

    def stop(progress: CopyProgress) -> None:
        progress_reports.append(progress)
        if len(progress_reports) == batches:
            raise StopError

    with pytest.raises(StopError):
        move(file, path, stop, batch_rows=3)
    with pytest.raises(StoreError, match="has not ended"):
        async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder(32))):
            pass
    rest: list[CopyProgress] = []
    move(file, path, rest.append, batch_rows=3)
    assert rest[0].done > progress_reports[-1].done
    assert count(path, "users") == 3

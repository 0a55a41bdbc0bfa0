"""`hitherto vacuum` leaves nothing of what was deleted in the files."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.databases import Server, make_template, named
from tests.fakes import HashEmbedder
from typer.testing import CliRunner

from hitherto import AsyncHitherto, AsyncUser, Parts
from hitherto.cli import app

WORD = "Quokkaville"


async def add_sessions(memory: AsyncHitherto) -> AsyncUser:
    """Make a user whose words stand in every table and index that holds words."""
    user = await memory.create_user(f"alice of {WORD}", metadata={"town": WORD})
    for number in range(20):
        session = await user.create_session(metadata={"town": f"{WORD} {number}"})
        await session.add_message("user", f"I live in {WORD}. " * 40)
        await session.process()
    await memory.wait_until_processed(timeout_s=60)
    return user


async def vacuum(location: Path | str) -> str:
    done = await asyncio.to_thread(CliRunner().invoke, app, ["vacuum", "--db", str(location)])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def times_in(folder: Path) -> int:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sum(file.read_bytes().count(WORD.encode()) for file in files)


async def test_a_file_is_written_anew_and_smaller(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder())) as memory:
        await add_sessions(memory)
    # As another program deletes, which overwrites nothing.
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("pragma foreign_keys = on")
        file.execute("pragma secure_delete = off")
        file.execute("delete from users")
    before = path.stat().st_size
    assert times_in(tmp_path) > 0
    assert await vacuum(path) == f"{path} was rewritten.\n"
    assert path.stat().st_size < before
    assert times_in(tmp_path) == 0
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder())) as memory:
        assert (await memory.list_users()).total == 0


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    make_template(started.address())
    yield started
    started.remove()


@pytest.mark.postgresql
async def test_the_tables_of_a_server_are_written_anew(server: Server) -> None:
    address = named(server.address(), "migrated")
    tables = server.folder / "data" / "base"
    async with AsyncHitherto(address, parts=Parts(embedder=HashEmbedder())) as memory:
        user = await add_sessions(memory)
        # Whatever analyses the tables keeps samples of what stands in them.
        await vacuum(address)
        assert times_in(tables) > 0
        (pending,) = (await user.delete()).pending
        assert "hitherto vacuum" in pending
    output = await vacuum(address)
    assert "was rewritten" in output
    assert "Deleted data is still in the server's write-ahead log" in output
    assert times_in(tables) == 0
    async with AsyncHitherto(address, parts=Parts(embedder=HashEmbedder())) as memory:
        assert (await memory.list_users()).total == 0

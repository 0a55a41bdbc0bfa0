"""`recollect vacuum` leaves nothing of what was deleted in the files."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import Server, make_template, named
from tests.fakes import HashEmbedder
from typer.testing import CliRunner

from recollect import AsyncRecollect, Parts
from recollect.cli import app

WORD = "Quokkaville"


async def tell_and_delete(location: Path | str) -> None:
    async with AsyncRecollect(location, parts=Parts(embedder=HashEmbedder())) as memory:
        user = await memory.create_user("alice", metadata={"town": WORD})
        for _ in range(20):
            session = await user.create_session()
            await session.add_message("user", f"I live in {WORD}. " * 40)
            await session.process()
        await memory.wait_until_processed(timeout_s=60)
        await user.delete()


def times_in(folder: Path) -> int:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sum(file.read_bytes().count(WORD.encode()) for file in files)


async def test_a_file_is_written_anew_and_smaller(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    await tell_and_delete(path)
    before = path.stat().st_size
    done = await asyncio.to_thread(CliRunner().invoke, app, ["vacuum", "--db", str(path)])
    assert done.stdout == f"{path} was written anew.\n"
    assert path.stat().st_size < before
    assert times_in(tmp_path) == 0
    async with AsyncRecollect(path, parts=Parts(embedder=HashEmbedder())) as memory:
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
    await tell_and_delete(address)
    tables = server.folder / "data" / "base"
    done = await asyncio.to_thread(CliRunner().invoke, app, ["vacuum", "--db", address])
    assert done.exit_code == 0, done.stderr
    assert "was written anew" in done.stdout
    assert times_in(tables) == 0
    async with AsyncRecollect(address, parts=Parts(embedder=HashEmbedder())) as memory:
        assert (await memory.list_users()).total == 0

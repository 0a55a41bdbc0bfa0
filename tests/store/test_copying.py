"""Whole databases copied: nothing is lost, whatever interrupts it, and nothing is mixed."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.fakes import HashEmbedder
from tests.store.earlier import NEWEST, write
from typer.testing import CliRunner

from hitherto import AsyncHitherto, MessageRole, Parts
from hitherto.cli import app
from hitherto.errors import StoreError
from hitherto.store import Store, open_database
from hitherto.store.copying import PROGRESS_TABLE, CopiedTable, CopyProgress, copy


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target.db"


@pytest.fixture
async def source(path: Path) -> Path:
    """A memory with something in every table that using it fills, and in the others too."""
    write(path, NEWEST)
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder(32))) as memory:
        for name in ("bruno", "çelik", "user.3"):
            user = await memory.create_user(name, metadata={"note": "naïve ☕"})
            for text in ("I live in Porto with my dog Bica.", "I moved to Lisbon. 🎉"):
                session = await user.create_session()
                await session.add_message(MessageRole.USER, text)
                await session.add_message(MessageRole.ASSISTANT, "Noted.")
                await session.process()
                await memory.wait_until_processed(timeout_s=20)
    return path


def ignore(_progress: CopyProgress) -> None:
    return


def copied(
    source: Path, target: Path, report: Callable[[CopyProgress], None] = ignore, **options: Any
) -> list[CopiedTable]:
    return copy(
        partial(open_database, source), partial(open_database, target), "here", report, **options
    )


def contents(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as database:
        names = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {
            name: sorted(map(repr, database.execute(f"select * from {name}"))) for (name,) in names
        }


def test_every_row_is_there_and_the_copy_says_how_many(source: Path, target: Path) -> None:
    copied_tables = copied(source, target)
    before = contents(source)
    assert contents(target) == before
    assert {item.name: item.rows for item in copied_tables} == {
        name: len(rows)
        for name, rows in before.items()
        if name not in ("schema_migrations", PROGRESS_TABLE)
    }


async def test_a_copy_is_recalled_from_and_worked_on(source: Path, target: Path) -> None:
    copied(source, target)
    async with AsyncHitherto(target, parts=Parts(embedder=HashEmbedder(32))) as memory:
        user = await memory.get_user("çelik")
        assert user.metadata == {"note": "naïve ☕"}
        session = await user.create_session()
        await session.add_message(MessageRole.USER, "Where do I live?")
        assert "Lisbon" in (await session.get_context()).context


class StopError(Exception):
    """Error with which a test interrupts a copy."""


@pytest.mark.parametrize("batches", [1, 2, 7, 20, 40])
def test_an_interrupted_copy_is_refused_until_it_is_whole_and_goes_on_from_there(
    source: Path, target: Path, batches: int
) -> None:
    progress_reports: list[CopyProgress] = []

    def stop(progress: CopyProgress) -> None:
        progress_reports.append(progress)
        if len(progress_reports) == batches:
            raise StopError

    with pytest.raises(StopError):
        copied(source, target, stop, batch_rows=3)
    with pytest.raises(StoreError, match="a copy of here into this database has not ended"):
        opened(target)
    rest: list[CopyProgress] = []
    copied(source, target, rest.append, batch_rows=3)
    assert rest[0].done > progress_reports[-1].done
    assert contents(target) == contents(source)
    opened(target)


def opened(path: Path) -> None:
    async def opening() -> None:
        store = Store(open_database(path))
        try:
            await store.open()
        finally:
            await store.close()

    asyncio.run(opening())


def test_what_is_written_to_the_source_meanwhile_comes_too(source: Path, target: Path) -> None:
    written: list[str] = []

    def write_once(progress: CopyProgress) -> None:
        if not written and "messages" in progress.doing:
            written.append(progress.doing)
            with closing(sqlite3.connect(source)) as database, database:
                database.execute("update users set metadata = '{}' where user_id = 'u1'")
                database.execute("delete from messages where session_id = 's2'")

    copied(source, target, write_once)
    assert written
    assert contents(target) == contents(source)


def test_a_source_that_never_rests_is_an_error_and_the_target_stays_unfinished(
    source: Path, target: Path
) -> None:
    def write_always(progress: CopyProgress) -> None:
        if progress.doing == "copying users":
            with closing(sqlite3.connect(source)) as database, database:
                database.execute("update users set revision = revision + 1")

    with pytest.raises(StoreError, match="was written to while it was copied"):
        copied(source, target, write_always)
    with pytest.raises(StoreError, match="has not ended"):
        opened(target)


def test_what_was_changed_in_the_target_is_found_and_copied_anew(
    source: Path, target: Path
) -> None:
    damaged: list[CopyProgress] = []

    def damage(progress: CopyProgress) -> None:
        if progress.doing == "copying memories" and not damaged:
            damaged.append(progress)
            with closing(sqlite3.connect(target)) as database, database:
                database.execute("update users set custom_user_id = 'mallory' where user_id = 'u1'")

    copied(source, target, damage)
    assert damaged
    assert contents(target) == contents(source)


def test_a_target_that_holds_something_is_left_alone(source: Path, target: Path) -> None:
    write(target, NEWEST)
    before = contents(target)
    with pytest.raises(StoreError, match=r"the target is not empty: it has .*users"):
        copied(source, target)
    assert contents(target) == before


def test_copies_of_two_sources_are_not_mixed(source: Path, target: Path) -> None:
    def stop(_progress: CopyProgress) -> None:
        raise StopError

    with pytest.raises(StopError):
        copied(source, target, stop)
    with pytest.raises(StoreError, match="a copy of here into the target was begun"):
        copy(partial(open_database, source), partial(open_database, target), "elsewhere", ignore)


def test_the_command_tells_what_was_copied(source: Path, target: Path) -> None:
    result = CliRunner().invoke(app, ["copy", f"sqlite:///{source}", str(target), "--json"])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["source"], report["target"]) == (str(source), str(target))
    rows = {item["name"]: item["rows"] for item in report["tables"]}
    assert rows["users"] == 4
    assert contents(target) == contents(source)


def test_the_command_refuses_what_cannot_be_copied(source: Path, target: Path) -> None:
    itself = CliRunner().invoke(app, ["copy", str(source), f"sqlite:///{source}"])
    assert itself.exit_code == 1
    assert "cannot be copied into itself" in itself.stderr
    absent = CliRunner().invoke(app, ["copy", str(target), str(source)])
    assert absent.exit_code == 1
    assert f"there is no database at {target}" in absent.stderr
    assert not target.exists()

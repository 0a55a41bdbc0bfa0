"""Migrations: from every earlier schema, while no other process uses the database."""

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest
from tests import databases
from tests.databases import Location, NewDatabase
from tests.fakes import HashEmbedder
from tests.store.earlier import NEWEST, rows_of, write
from typer.testing import CliRunner

from hitherto import AsyncHitherto, Parts, RecallStrategy
from hitherto.cli import app
from hitherto.errors import SchemaError
from hitherto.store import Store, migrate, open_database, shown_address, sqlite

EARLIER = range(1, NEWEST)


def stored(path: Location, table: str) -> list[dict[str, Any]]:
    return databases.rows(path, f"select * from {table}")


def tables(path: Location) -> set[str]:
    return set(databases.columns(path)) - {"schema_migrations"}


async def bring_up_to_date(path: Location) -> None:
    store = Store(open_database(path))
    await store.open()
    await store.close()


@pytest.mark.parametrize("version", [*EARLIER, NEWEST])
def test_each_table_of_a_schema_has_rows_here(path: Location, version: int) -> None:
    write(path, version)
    assert tables(path) == set(rows_of(version))


@pytest.mark.parametrize("version", EARLIER)
async def test_an_earlier_schema_becomes_the_newest_and_keeps_every_row(
    path: Location, new_database: NewDatabase, version: int
) -> None:
    write(path, version)
    await bring_up_to_date(path)
    for table, rows in rows_of(version).items():
        if table in tables(path):
            kept = stored(path, table)
            assert len(kept) == len(rows)
            for row in rows:
                assert any(_holds(item, row) for item in kept), (table, row)
    new = new_database()
    await bring_up_to_date(new)
    assert databases.schema(path) == databases.schema(new)


def _holds(kept: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return all(kept[name] == value for name, value in row.items())


@pytest.mark.parametrize("version", EARLIER)
async def test_what_an_earlier_release_remembered_is_recalled_and_worked_on(
    path: Location, version: int
) -> None:
    write(path, version)
    async with AsyncHitherto(path, parts=Parts(embedder=HashEmbedder(32))) as memory:
        alice = await memory.get_user("alice")
        assert (alice.metadata, alice.timezone) == ({"plan": "free"}, None)
        items = (await alice.list_memories()).items
        assert {item.content for item in items} == {
            "User lives in Lisbon",
            "User likes custard tarts",
        }
        lisbon = next(item for item in items if "Lisbon" in item.content)
        assert [item.content for item in lisbon.previous_versions] == ["User lives in Porto"]
        waiting = await alice.get_session("s2")
        await waiting.process()
        await memory.wait_until_processed(timeout_s=20)
        assert "Bica" in str([item.content for item in (await alice.list_memories()).items])
        asking = await alice.create_session()
        await asking.add_message("user", "Where do I live?")
        response = await asking.get_context(recall_strategy=RecallStrategy.LOW_LATENCY)
        assert "User lives in Lisbon" in response.context


async def test_an_earlier_schema_is_left_alone_while_another_process_has_the_file_open(
    path: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "ALONE_TIMEOUT_S", 0.0)
    write(path, NEWEST - 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        assert older.execute("select count(*) from users").fetchone() == (1,)
        with pytest.raises(SchemaError, match="open; stop the older process"):
            await bring_up_to_date(path)
        # It goes on as if nothing had been.
        older.execute("update users set revision = revision + 1")
        assert older.execute("pragma journal_mode").fetchone() == ("wal",)
    assert stored(path, "schema_migrations")[-1]["version"] == NEWEST - 1
    await bring_up_to_date(path)
    assert stored(path, "schema_migrations")[-1]["version"] == NEWEST


def test_the_command_says_from_where_to_where(path: Location) -> None:
    write(path, 3)
    first = CliRunner().invoke(app, ["migrate", "--db", str(path)])
    address = shown_address(path)
    assert first.stdout == f"{address} was upgraded from schema version 3 to {NEWEST}.\n"
    again = CliRunner().invoke(app, ["migrate", "--db", str(path)])
    assert again.stdout == f"{address} has schema version {NEWEST}: nothing to do.\n"


def test_the_command_makes_no_database_and_does_not_go_back(path: Location) -> None:
    nowhere = path.with_name("absent.db")
    absent = CliRunner().invoke(app, ["migrate", "--db", str(nowhere)])
    assert absent.exit_code == 1
    assert f"there is no database at {nowhere}" in absent.stderr
    assert not nowhere.exists()
    write(path, NEWEST)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("insert into schema_migrations values (?, 'later')", (NEWEST + 1,))
    newer = CliRunner().invoke(app, ["migrate", "--db", str(path)])
    assert newer.exit_code == 1
    assert f"schema version {NEWEST + 1}, this release of Hitherto knows up to" in newer.stderr


async def test_one_that_ends_in_time_is_waited_for(path: Location) -> None:
    write(path, NEWEST - 1)
    older = sqlite3.connect(path, check_same_thread=False)
    older.execute("select count(*) from users").fetchone()
    ending = threading.Timer(0.1, older.close)
    ending.start()
    await bring_up_to_date(path)
    ending.join()
    assert stored(path, "schema_migrations")[-1]["version"] == NEWEST


async def test_a_step_that_fails_leaves_the_earlier_schema(
    path: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, NEWEST - 1)
    before = databases.schema(path)
    steps = migrate.migrations()
    broken = migrate.Migration(NEWEST, steps[-1].name, f"{steps[-1].sql}; create nonsense")
    monkeypatch.setattr(migrate, "migrations", lambda: [*steps[:-1], broken])
    with pytest.raises(Exception, match="syntax error"):
        await bring_up_to_date(path)
    monkeypatch.undo()
    assert databases.schema(path) == before
    await bring_up_to_date(path)


async def test_many_that_open_an_earlier_schema_at_once_bring_it_up_to_date_once(
    path: Location,
) -> None:
    write(path, 1)
    failures: list[BaseException] = []

    def opening() -> None:
        database = open_database(path)
        try:
            database.open()
        except BaseException as error:  # noqa: BLE001  told to the test
            failures.append(error)
        else:
            database.close()

    threads = [threading.Thread(target=opening) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    versions = sorted(row["version"] for row in stored(path, "schema_migrations"))
    assert versions == list(range(1, NEWEST + 1))

"""Opening: other files are refused with a clear error and left unchanged."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.fakes import HashEmbedder
from typer.testing import CliRunner

from hitherto import AsyncHitherto, Hitherto, Parts, Settings
from hitherto.cli import app
from hitherto.errors import (
    EmbedderError,
    RecallrAIError,
    SchemaError,
    StoreError,
    UnavailableError,
    ValidationError,
)
from hitherto.store import Store, open_database, shown_address

Open = Callable[[Path | str], None]


def open_sync(location: Path | str) -> None:
    Hitherto(location, parts=Parts(HashEmbedder())).close()


def open_async(location: Path | str) -> None:
    async def work() -> None:
        async with AsyncHitherto(location, parts=Parts(HashEmbedder())):
            pass

    asyncio.run(work())


def open_store(location: Path | str) -> None:
    async def work() -> None:
        store = Store(open_database(location))
        try:
            await store.open()
        finally:
            await store.close()

    asyncio.run(work())


@pytest.fixture(params=[open_sync, open_async, open_store])
def open_at(request: pytest.FixtureRequest) -> Open:
    chosen: Open = request.param
    return chosen


def random_bytes(folder: Path) -> Path:
    return _written(folder, bytes((number * 197 + 31) % 256 for number in range(9_000)))


def text(folder: Path) -> Path:
    return _written(folder, b"Dear diary, nothing happened.\n" * 500)


def one_byte(folder: Path) -> Path:
    return _written(folder, b"x")


def beginning_of_a_database(folder: Path) -> Path:
    return _written(folder, b"SQLite format 3\0" + b"\x10" * 30)


def other_program(folder: Path) -> Path:
    return _made(folder, "create table bookmarks (address text)")


def other_program_in_wal_mode(folder: Path) -> Path:
    return _made(folder, "pragma journal_mode = wal", "create table bookmarks (address text)")


def other_program_with_migrations_by_text(folder: Path) -> Path:
    return _made(
        folder,
        "create table schema_migrations (version varchar not null primary key)",
        "insert into schema_migrations values ('20240101120000')",
    )


def other_program_with_migrations_by_number(folder: Path) -> Path:
    return _made(
        folder,
        "create table schema_migrations (version integer not null primary key, name text)",
        "insert into schema_migrations values (1, 'create_accounts')",
        "create table accounts (name text)",
    )


def only_a_view(folder: Path) -> Path:
    return _made(folder, "create view answer as select 42")


def folder(folder: Path) -> Path:
    return folder


def missing_folder(folder: Path) -> Path:
    return folder / "nowhere" / "memory.db"


def file_as_folder(folder: Path) -> Path:
    return text(folder) / "memory.db"


def long_name(folder: Path) -> Path:
    return folder / ("n" * 300)


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def system_folder(folder: Path) -> Path:
    return Path("/proc/memory.db")


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def _made(folder: Path, *statements: str) -> Path:
    path = folder / "file"
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


REFUSED = [
    (random_bytes, StoreError, "not a database; give the path of a Hitherto database"),
    (text, StoreError, "not a database; give the path of a Hitherto database"),
    (one_byte, StoreError, "not a database; give the path of a Hitherto database"),
    (beginning_of_a_database, StoreError, "not a database; give the path of a Hitherto database"),
    (other_program, SchemaError, "another program; give the path of a Hitherto database"),
    (other_program_in_wal_mode, SchemaError, "another program"),
    (other_program_with_migrations_by_text, SchemaError, "another program"),
    (other_program_with_migrations_by_number, SchemaError, "another program"),
    (only_a_view, SchemaError, "another program"),
    (folder, StoreError, "is a folder; give the path of a file"),
    (missing_folder, StoreError, "check that the folder exists"),
    (file_as_folder, StoreError, "check that the folder exists"),
    (long_name, StoreError, "unable to open"),
    (pipe, StoreError, "not a database"),
    (system_folder, StoreError, "check that the folder exists and is writable"),
]


@pytest.mark.usefixtures("nothing_left_open")
@pytest.mark.parametrize(
    ("make", "kind", "advice"), REFUSED, ids=[make.__name__ for make, _, _ in REFUSED]
)
def test_what_is_no_memory_is_refused_and_left_as_it_was(
    make: Callable[[Path], Path],
    kind: type[RecallrAIError],
    advice: str,
    open_at: Open,
    tmp_path: Path,
) -> None:
    path = make(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    with pytest.raises(UnavailableError, match=advice) as raised:
        open_at(path)
    assert type(raised.value) is kind
    assert str(path) in str(raised.value)
    assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before


@pytest.mark.usefixtures("nothing_left_open")
def test_an_empty_file_becomes_a_memory(open_at: Open, path: Path) -> None:
    path.touch()
    open_at(path)
    open_at(path)
    assert path.read_bytes().startswith(b"SQLite format 3\0")


@pytest.mark.usefixtures("nothing_left_open")
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://me:secret@host/memory", r"a mysql:// address.*sqlite:///path.*postgresql://"),
        ("https://example.com/memory.db", "which needs api_key|cannot open a https://"),
        ("", "give the path of a file"),
        ("sqlite:///", "give the path of a file"),
        ("a\0b", "give the path of a file"),
        ("\ud800", "give the path of a file"),
    ],
)
def test_an_address_that_is_no_file_is_refused(address: str, message: str, open_at: Open) -> None:
    with pytest.raises(ValidationError, match=message) as raised:
        open_at(address)
    assert "secret" not in str(raised.value)


CONNECTION_STRINGS = [
    "host=db.example password=sesame",
    "password=sesame host=db.example",
    "  host = db.example password = sesame",
    "HOST=db.example PASSWORD=sesame",
    "dbname=memory\tpassword='sesame'",
    "'host=db.example password=sesame'",
    "application_name=x options='-c a=b' sslpassword=sesame",
    "service=memory",
    "sslmode=require password=sesame",
    "Server=db.example;Database=memory;User Id=me;Password=sesame;",
    "Data Source=db.example;Pwd=sesame",
    "DRIVER={PostgreSQL};UID=me;PWD=sesame",
    "postgres:sesame@db.example/memory",
    "postgresql:/me:sesame@db.example/memory",
    "POSTGRES:me:sesame@db.example",
    " postgresql://me:sesame@db.example/memory",
    '"postgresql://me:sesame@db.example/memory"',
    "postgresql+psycopg://me:sesame@db.example/memory",
    "postgresql+psycopg:me:sesame@db.example",
    "pg:me:sesame@db.example",
    "jdbc:postgresql://db.example/memory?password=sesame",
    "sqlserver:server=db.example;password=sesame",
    "mysql:me:sesame@db.example/memory",
    "mongodb+srv://me:sesame@db.example",
    "sqlite:memory.db?key=sesame",
    "sqlite:///host=db.example password=sesame",
    "sqlite:///postgresql://me:sesame@db.example/memory",
    "file:memory.db?mode=ro&key=sesame",
    "me:sesame@db.example:5432/memory",
    "//me:sesame@db.example/memory",
    "sesame://db.example",
    "me:sesame://db.example",
    "\uff50ostgres\uff1a//me:sesame\uff20db.example",
    "host\uff1ddb.example password\uff1dsesame",
]


def commands_on(address: str, folder: Path) -> list[list[str]]:
    """Command lines of every command that takes an address, with this one."""
    return [
        ["serve", "--port", "0", "--db", address],
        ["worker", "--db", address],
        ["keys", "create", "--db", address],
        ["keys", "list", "--db", address],
        ["projects", "create", "tests", "--db", address],
        ["usage", "--db", address],
        ["migrate", "--db", address],
        ["vacuum", "--db", address],
        ["reembed", "--to", "local", "--db", address],
        ["delete", "alice", "--yes", "--db", address],
        ["copy", address, str(folder / "target.db")],
        ["copy", str(folder / "source.db"), address],
    ]


@pytest.mark.parametrize("address", CONNECTION_STRINGS)
def test_a_connection_string_makes_no_file_of_its_name_and_is_not_shown(
    address: str, open_at: Open, tmp_path: Path
) -> None:
    with contextlib.chdir(tmp_path), pytest.raises(ValidationError) as raised:
        open_at(address)
    assert "give the path of a file" in raised.value.message
    assert "sesame" not in str(raised.value)
    assert "sesame" not in shown_address(address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", CONNECTION_STRINGS[::6])
def test_no_command_makes_a_file_of_a_connection_string_or_shows_it(
    address: str, tmp_path: Path
) -> None:
    source = tmp_path / "source.db"
    open_store(source)
    for arguments in commands_on(address, tmp_path):
        with contextlib.chdir(tmp_path):
            result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1, (arguments, result.output)
        assert "sesame" not in result.output
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.db"]


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("memory.db", "memory.db"),
        ("./memory.db", "memory.db"),
        ("sqlite:///memory.db", "memory.db"),
        ("sqlite:///{here}/memory.db", "memory.db"),
        ("{here}/memory.db", "memory.db"),
        ("~/memory.db", "memory.db"),
        ("sqlite:///~/memory.db", "memory.db"),
        ("./file:memory.db?mode=ro", "file:memory.db?mode=ro"),
        ("./host=x password=y", "host=x password=y"),
        ("{here}/user:me@home.db", "user:me@home.db"),
        ("run=1 seed=2.db", "run=1 seed=2.db"),
        ("backup-2024-05-01T10:30:00.db", "backup-2024-05-01T10:30:00.db"),
        ("notes: of today.db", "notes: of today.db"),
        ("me@home.db", "me@home.db"),
        ("the host is my password.db", "the host is my password.db"),
        ("память 記憶 'a' 100%.db", "память 記憶 'a' 100%.db"),
    ],
)
def test_a_path_may_be_given_in_many_forms(
    address: str,
    file: str,
    open_at: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with contextlib.chdir(tmp_path):
        open_at(address.format(here=tmp_path))
    assert [entry.name for entry in tmp_path.iterdir()] == [file]


def test_a_relative_path_still_means_the_same_file_after_a_change_of_folder(
    tmp_path: Path, settings: Settings
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with contextlib.chdir(tmp_path):
        memory = Hitherto("memory.db", settings=settings, parts=Parts(HashEmbedder()))
    with contextlib.chdir(elsewhere), memory:
        session = memory.create_user("alice").create_session()
        session.add_message("user", "I live in Porto.")
        session.process()
        memory.wait_until_processed(timeout_s=20)
        assert memory.get_user("alice").list_memories().total == 1
    assert list(elsewhere.iterdir()) == []


def test_a_memory_without_a_file_keeps_nothing(tmp_path: Path) -> None:
    parts = Parts(HashEmbedder())
    with contextlib.chdir(tmp_path):
        for _ in range(2):
            with (
                Hitherto(":memory:", parts=parts) as first,
                Hitherto(":memory:", parts=parts) as two,
            ):
                first.create_user("alice")
                two.create_user("alice")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_left_open")
def test_a_newer_schema_is_refused_by_naming_both_versions(filled: Path, open_at: Open) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        (newest,) = connection.execute("select max(version) from schema_migrations").fetchone()
        connection.execute("insert into schema_migrations values (99, 'of_a_later_release')")
        connection.commit()
    before = filled.read_bytes()
    with pytest.raises(SchemaError, match=rf"version 99, .* up to {newest}; use the release"):
        open_at(filled)
    assert filled.read_bytes() == before


@pytest.mark.usefixtures("nothing_left_open")
@pytest.mark.parametrize("dimension", [32, 384])
def test_a_memory_of_another_embedder_is_refused(filled: Path, dimension: int) -> None:
    before = filled.read_bytes()
    parts = Parts(HashEmbedder(dimension))
    with pytest.raises(
        EmbedderError, match=f"hash-64/64, this is hash-{dimension}/.* Open it with"
    ):
        Hitherto(filled, parts=parts)
    with pytest.raises(EmbedderError, match="add its conversations to a new database"):
        asyncio.run(AsyncHitherto(filled, parts=parts).get_user("user-0"))
    assert filled.read_bytes() == before
    with Hitherto(filled, parts=Parts(HashEmbedder())) as memory:
        assert memory.get_user("user-0").list_memories().total > 0


@pytest.mark.usefixtures("nothing_left_open")
def test_an_async_client_that_could_not_open_opens_once_the_cause_is_gone(tmp_path: Path) -> None:
    async def work() -> None:
        memory = AsyncHitherto(tmp_path / "later" / "memory.db", parts=Parts(HashEmbedder()))
        with pytest.raises(StoreError):
            await memory.create_user("alice")
        (tmp_path / "later").mkdir()
        await memory.create_user("alice")
        await memory.close()

    asyncio.run(work())

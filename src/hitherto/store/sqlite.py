"""SQLite: one file, one writer at a time, concurrent readers.

WAL lets readers and the writer (and other processes) work at once; `synchronous = full` makes what
was acknowledged survive a power cut; `secure_delete` overwrites what was deleted.
"""

import contextlib
import logging
import os
import queue
import shlex
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hitherto.errors import SchemaError, StoreError
from hitherto.file_modes import create_private_file, shared_mode
from hitherto.store import migrate
from hitherto.store.database import BusyError, Row, Table, Upgrade

BUSY_TIMEOUT_S = 30.0
"""Seconds that a write waits for another process that writes to the same file."""

BUSY_PAUSE_S = 0.01
"""Seconds between attempts where SQLite does not wait by itself, as long as a small write."""

ALONE_TIMEOUT_S = 5.0
"""Seconds to wait until others close a file whose schema is to change."""

MINIMUM_VERSION = (3, 37, 0)
"""Strict tables came with SQLite 3.37 (November 2021)."""

TYPES = {
    "text": "text",
    "integer": "integer",
    "real": "real",
    "bytes": "blob",
    "strict": "strict",
}

READERS = 4
"""Concurrent read transactions; one more writes."""

BACKGROUND_READERS = 2
"""Further read transactions, of background work: one may load a large user's memory."""

DRIVER_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Errors of the driver; the second for messages that a damaged file makes invalid UTF-8."""

WRITTEN_ALWAYS_BYTES = 2 * 2**20
"""Every deletion rewrites a file up to this size: 6 ms for each megabyte."""

WRITTEN_AT_ONCE_BYTES = 16 * 2**20
"""A deletion does so up to this size, but for half of the time at most: of many deletions most
leave it for later."""

WRITTEN_LATER_BYTES = 512 * 2**20
"""A file up to this size is rewritten when there is time; others wait for `BUSY_TIMEOUT_S`."""

CLEARING_TIMEOUT_S = 0.25
"""Seconds that clearing waits for readers and writers, while this process writes nothing."""

CLEARING_PAUSE = 20
"""So many times as long as clearing took, nothing is cleared: a twentieth of the time at most."""

_MAX_TRACE_NUMBER = 2**31 - 1
"""Largest number that fits into the header of a file."""

_LOG_STAYS = (
    "the file and its write-ahead log, which another connection is using: they are cleared within "
    "seconds after it has ended, while a program has the memory open"
)
_PAGES_STAY = (
    "the file, whose pages may keep copies of deleted keys and texts: it is rewritten within "
    "seconds, while a program has the memory open"
)
_FILE_STAYS = (
    "the file, whose pages may keep copies of deleted keys and texts: it is too large to be "
    "rewritten during other work, so run `hitherto vacuum`"
)

_NOT_OURS = "give the path of a Hitherto database, or of a file that is not there"

_ADVICE = {
    sqlite3.SQLITE_FULL: "free some space and try again",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "check that the folder exists and is writable",
    sqlite3.SQLITE_NOTADB: _NOT_OURS,
    sqlite3.SQLITE_BUSY: "another process has been writing for too long; try again",
    sqlite3.SQLITE_IOERR: "check the disk",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a copy",
}


_log = logging.getLogger("hitherto.store")

_creating = threading.Lock()
"""Held while a file is created: closing one ends all locks that this process has on it."""


class _NotAloneError(Exception):
    """Another connection has the file open."""


class SqliteRun:
    """Runs named statements on one connection, inside the transaction that is open on it."""

    def __init__(
        self, connection: sqlite3.Connection, statements: Mapping[str, str], path: Path
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._path = path
        self.has_replaced = False

    def __call__(self, name: str, /, **parameters: Any) -> list[Row]:
        try:
            cursor = self._connection.execute(self._statements[name], parameters)
            return cursor.fetchall()
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error

    def many(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            self._connection.executemany(self._statements[name], rows)
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error

    def note_replacement(self) -> None:
        if self.has_replaced:
            return
        try:
            _mark_traces(self._connection)
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error
        self.has_replaced = True


class SqliteDatabase:
    """Database in one file, for several threads and processes."""

    is_near = True
    readers = READERS
    background_readers = BACKGROUND_READERS
    writers = 1

    def __init__(
        self,
        path: Path,
        statements: Mapping[str, str],
        written_at_once_bytes: int = WRITTEN_AT_ONCE_BYTES,
        written_later_bytes: int = WRITTEN_LATER_BYTES,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._written_at_once_bytes = written_at_once_bytes
        self._written_later_bytes = written_later_bytes
        self._seconds = seconds
        self._written_again_at = 0.0
        self._clear_again_at = 0.0
        self._left_to_vacuum = 0
        self._statements = statements
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._glancing: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()

    def open(self) -> Upgrade:
        if sqlite3.sqlite_version_info < MINIMUM_VERSION:
            raise StoreError(
                f"SQLite {sqlite3.sqlite_version} is too old; Hitherto needs 3.37 or newer"
            )
        _require_database(self._path)
        _create(self._path)
        deadline = time.monotonic() + ALONE_TIMEOUT_S
        while True:
            writer = self._connect()
            try:
                upgrade = self._migrate(writer)
            except _NotAloneError as error:
                # While it is open, it would keep others from being alone, too.
                writer.close()
                if time.monotonic() > deadline:
                    raise SchemaError(str(error)) from error
                # Processes that wait for each other wait for different times.
                time.sleep(BUSY_PAUSE_S * (1 + os.getpid() % 7))
            except DRIVER_ERRORS as error:
                writer.close()
                raise explain(error, self._path) from error
            except BaseException:
                writer.close()
                raise
            else:
                self._writer = writer
                _warn_of_readers(self._path)
                return upgrade

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Do nothing: processes that share a file cannot notify each other."""
        return _nothing

    def clear_traces(self) -> tuple[str, ...]:
        """Empty the write-ahead log and rewrite the file.

        SQLite overwrites deleted rows, but not the copies that it made in other pages when it
        balanced them, so every page is rewritten.
        """
        return self._clear_at_once(self._written_at_once_bytes)

    def clear_replaced(self) -> None:
        self._clear_at_once(WRITTEN_ALWAYS_BYTES)

    def _clear_at_once(self, most_bytes: int) -> tuple[str, ...]:
        """Clear the traces of a file up to this size; return what is left."""
        with self._writing:
            began = self._seconds()
            is_time = began >= self._written_again_at
            most = most_bytes if is_time else WRITTEN_ALWAYS_BYTES
            try:
                return self._clear(min(most, self._written_at_once_bytes))
            except (StoreError, *DRIVER_ERRORS) as error:
                return (f"{_LOG_STAYS} ({error})",)
            finally:
                now = self._seconds()
                self._written_again_at = max(self._written_again_at, now + (now - began))

    def clear_left(self) -> None:
        with self._writing:
            if self._writer is None or self._seconds() < self._clear_again_at:
                return
            try:
                if _trace_number(self._writer) not in (0, self._left_to_vacuum):
                    self._clear_later()
            except DRIVER_ERRORS as error:
                raise explain(error, self._path) from error

    def _clear_later(self) -> None:
        """Clear the traces of a file, and clear no others for some time."""
        began = self._seconds()
        try:
            self._clear(self._written_later_bytes)
        finally:
            now = self._seconds()
            self._clear_again_at = now + CLEARING_PAUSE * (now - began)

    def vacuum(self) -> tuple[str, ...]:
        with self._writing:
            try:
                return self._clear(None)
            except DRIVER_ERRORS as error:
                raise explain(error, self._path) from error

    def _clear(self, most_bytes: int | None) -> tuple[str, ...]:
        """Remove every trace of deleted rows, unless another process has done so.

        most_bytes: largest file that is rewritten; None: any, even without a deletion.
        """
        if self._writer is None:
            raise StoreError(f"{self._path} is closed; open it again")
        writer, trace_number = self._writer, _trace_number(self._writer)
        if not trace_number and most_bytes is not None:
            return ()
        if most_bytes is not None:
            writer.execute(f"pragma busy_timeout = {CLEARING_TIMEOUT_S * 1_000:.0f}")
        try:
            if _is_log_in_use(writer):
                return (_LOG_STAYS,)
            size_bytes = _value(writer, "page_count") * _value(writer, "page_size")
            if most_bytes is not None and size_bytes > most_bytes:
                if size_bytes <= self._written_later_bytes:
                    return (_PAGES_STAY,)
                self._left_to_vacuum = trace_number
                return (_FILE_STAYS,)
            writer.execute("vacuum")
            if _is_log_in_use(writer):
                return (_LOG_STAYS,)
            writer.execute("begin immediate")
            # Traces of deletions meanwhile are still to be cleared.
            if _trace_number(writer) == trace_number:
                writer.execute("pragma user_version = 0")
            writer.execute("commit")
            return ()
        finally:
            self._roll_back(writer)
            writer.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_S * 1_000:.0f}")

    def close(self) -> None:
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        for idle in (self._readers, self._glancing):
            while not idle.empty():
                idle.get_nowait().close()

    def tables(self) -> list[Table]:
        with self._writing:
            if self._writer is None:
                raise StoreError(f"{self._path} is closed; open it again")
            try:
                records = self._writer.execute(
                    "select name from sqlite_schema where type = 'table' "
                    "and name not in ('schema_migrations') and name not like 'sqlite_%'"
                ).fetchall()
                return [_table(self._writer, row["name"]) for row in records]
            except DRIVER_ERRORS as error:
                raise explain(error, self._path) from error

    @contextlib.contextmanager
    def transaction(self, *, write: bool, deleting: bool = False) -> Iterator[SqliteRun]:
        if write:
            with self._writing:
                if self._writer is None:
                    raise StoreError(f"{self._path} is closed; open it again")
                yield from self._in_transaction(self._writer, "begin immediate", deleting)
            return
        yield from self._reading(self._readers, BUSY_TIMEOUT_S)

    @contextlib.contextmanager
    def glance(self) -> Iterator[SqliteRun]:
        yield from self._reading(self._glancing, 0.0)

    def _reading(
        self, idle: "queue.LifoQueue[sqlite3.Connection]", busy_timeout_s: float
    ) -> Iterator[SqliteRun]:
        try:
            reader = idle.get_nowait()
        except queue.Empty:
            reader = self._connect(busy_timeout_s)
        try:
            yield from self._in_transaction(reader, "begin")
        finally:
            idle.put(reader)

    def _in_transaction(
        self, connection: sqlite3.Connection, begin: str, deleting: bool = False
    ) -> Iterator[SqliteRun]:
        try:
            connection.execute(begin)
            if deleting:
                _mark_traces(connection)
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error
        try:
            yield SqliteRun(connection, self._statements, self._path)
            connection.execute("commit")
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error
        finally:
            self._roll_back(connection)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        """End an open transaction; SQLite itself ends it on some errors (a full disk)."""
        try:
            if connection.in_transaction:
                connection.execute("rollback")
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error

    def _connect(self, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
            )
        except DRIVER_ERRORS as error:
            raise explain(error, self._path) from error
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("foreign_keys = on", "synchronous = full", "secure_delete = on"):
                connection.execute(f"pragma {pragma}")
        except DRIVER_ERRORS as error:
            connection.close()
            raise explain(error, self._path) from error
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> Upgrade:
        # Nothing is written before it is known that the file is ours and that we can work with it.
        steps = migrate.migrations()
        applied = self._applied(connection, steps)
        if applied and migrate.pending(applied, steps):
            self._begin_alone(connection)
        else:
            _write_ahead(connection)
            connection.execute("begin immediate")
        try:
            connection.execute(migrate.CREATE_RECORD)
            applied = self._applied(connection, steps)
            for step in migrate.pending(applied, steps):
                migrate.run_step(step, TYPES, connection.execute)
                connection.execute(
                    "insert into schema_migrations (version, name) values (?, ?)",
                    (step.version, step.name),
                )
            connection.execute("commit")
        finally:
            self._roll_back(connection)
        connection.execute("pragma locking_mode = normal")
        connection.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_S * 1_000:.0f}")
        _write_ahead(connection)
        return Upgrade(applied, steps[-1].version)

    def _begin_alone(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction if no other process, perhaps of an older release, has the file open.

        Raises _NotAloneError.
        """
        connection.execute("pragma busy_timeout = 0")
        connection.execute("pragma locking_mode = exclusive")
        try:
            # SQLite leaves the write-ahead log only for the one connection that there is.
            connection.execute("pragma journal_mode = delete")
            connection.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise _NotAloneError(
                f"{self._path} has an earlier schema, and another process has it open; "
                "stop the older process, then open it again"
            ) from error

    def _applied(self, connection: sqlite3.Connection, steps: Sequence[migrate.Migration]) -> int:
        """Return the schema version, 0 for an empty database. Raises SchemaError if foreign."""
        names = {row["name"] for row in connection.execute("select name from sqlite_master")}
        if not names:
            return 0
        # Other programs use a table of this name, so its first row shows whether it is ours.
        columns = {
            row["name"] for row in connection.execute("pragma table_info(schema_migrations)")
        }
        records = (
            connection.execute("select version, name from schema_migrations order by version")
            if {"version", "name"} <= columns
            else ()
        )
        applied = [(row["version"], row["name"]) for row in records]
        if names == {"schema_migrations"} and not applied:
            return 0
        if not applied or applied[0] != (steps[0].version, steps[0].name):
            raise SchemaError(f"{self._path} is a SQLite database of another program; {_NOT_OURS}")
        newest: int = applied[-1][0]
        return newest


def _nothing() -> None:
    return


def _trace_number(connection: sqlite3.Connection) -> int:
    """Return a number that every deletion changes; 0 if no trace is left.

    It is in the file's header, so any process with the file open can clear the traces.
    """
    return _value(connection, "user_version")


def _mark_traces(connection: sqlite3.Connection) -> None:
    """Change `_trace_number`, in the transaction that deletes."""
    connection.execute(f"pragma user_version = {_trace_number(connection) % _MAX_TRACE_NUMBER + 1}")


def _value(connection: sqlite3.Connection, pragma: str) -> int:
    value: int = connection.execute(f"pragma {pragma}").fetchone()[0]
    return value


def _is_log_in_use(connection: sqlite3.Connection) -> bool:
    """Empty the write-ahead log; whether somebody reads it, so that it could not be."""
    busy, _, _ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
    return bool(busy)


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(f"pragma table_info({name})").fetchall()
    keyed = sorted((row["pk"], row["name"]) for row in columns if row["pk"])
    parents = connection.execute(f"pragma foreign_key_list({name})").fetchall()
    return Table(
        name=name,
        columns=tuple(row["name"] for row in columns),
        key=tuple(column for _, column in keyed),
        parents=frozenset(row["table"] for row in parents),
    )


def _require_database(path: Path) -> None:
    """Raise StoreError where SQLite would overwrite what is no database, or fail unclearly.

    The file is not opened here: closing it would end the locks of other clients in this process.
    """
    if os.path.isdir(path):
        raise StoreError(f"cannot open {path}: it is a folder; give the path of a file")
    if not os.path.exists(path):
        return
    # SQLite takes a file of one byte for an empty one and looks into every other.
    if not os.path.isfile(path) or os.path.getsize(path) == 1:
        raise StoreError(f"{path}: file is not a database; {_NOT_OURS}")


def _create(path: Path) -> None:
    """Create the file with mode 0600, which SQLite copies to its log and shared memory."""
    # What cannot be created SQLite refuses as well, with a reason and our advice.
    with _creating, contextlib.suppress(OSError):
        create_private_file(path)


def _warn_of_readers(path: Path) -> None:
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        mode = shared_mode(file)
        if mode is not None:
            _log.warning(
                "other users of this machine can access %s (%s); run: chmod 600 %s",
                file,
                mode,
                shlex.quote(str(file)),
            )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log.

    Changing the journal needs the file for itself, and SQLite does not wait for that when another
    process is doing the same.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_PAUSE_S)
        else:
            return


def explain(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """Return the store's error for a driver error: what happened, which file, what to do."""
    # The driver gives no code where it could not decode a text that stands in the file.
    if isinstance(error, UnicodeDecodeError) or str(error).startswith("Could not decode"):
        return StoreError(f"{path}: text that is not UTF-8; {_ADVICE[sqlite3.SQLITE_CORRUPT]}")
    # The low byte is the primary result code: https://www.sqlite.org/rescode.html
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    advice = _ADVICE.get(code)
    kind = BusyError if code == sqlite3.SQLITE_BUSY else StoreError
    return kind(f"{path}: {error}" + (f"; {advice}" if advice else ""))

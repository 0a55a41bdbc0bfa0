"""PostgreSQL: many processes on many machines, several writers at once.

What reads sees one snapshot (`repeatable read`). What writes sees what is committed at each
statement (`read committed`) and locks the rows that its decisions rest on, first of all the user's
(`postgres.sql`); so the changes of one user come one after the other, and those of different users
at once.
"""

import contextlib
import functools
import logging
import queue
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import DictRow, dict_row
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from hitherto.errors import SchemaError, StoreError, ValidationError
from hitherto.store import migrate
from hitherto.store.database import RerunError, Row, Table, Upgrade
from hitherto.store.sqlite import ALONE_TIMEOUT_S, BUSY_TIMEOUT_S

MINIMUM_VERSION = 140_000
"""PostgreSQL 14, the oldest that is tried and, until November 2026, maintained."""

TYPES = {
    # Ids are compared byte by byte, here and by SQLite and Python.
    "text": 'text collate "C"',
    "integer": "bigint",
    "real": "double precision",
    "bytes": "bytea",
    "strict": "",
}

_SETTINGS = {
    "application_name": "hitherto",
    "connect_timeout": 10,
    # A server that is cut off is noticed within a minute, also while its answer is waited for.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Defaults of the address: times in seconds, the last one in milliseconds."""

_PREPARE = f"""
set lock_timeout = '{BUSY_TIMEOUT_S:.0f}s';
set tcp_keepalives_idle = 30;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 3;
-- What is acknowledged has to survive a crash of the server.
select set_config('synchronous_commit', 'on', false)
where current_setting('synchronous_commit') = 'off'
"""

_LOCK = "(24235, hashtext(current_schema()))"
"""Advisory lock of a schema: shared by each connection, exclusive while the schema changes."""

_TRIED_AGAIN_PAUSE_S = 0.05

_LISTENING_AGAIN_S = 1.0
"""Pause before a broken connection is opened again."""

_LOG_KEEPS = (
    "the server's write-ahead log, its standbys and its backups, for as long as they are kept"
)
_FILES_WAIT = "the tables' earlier files, until the server's next checkpoint, minutes from now"
_ROWS_STAY = (
    "the server's files, where deleted rows lie until `hitherto vacuum`, and its write-ahead log "
    "and backups for as long as they are kept"
)

_log = logging.getLogger("hitherto.store")

_ADVICE = {
    "28": "check the user and the password, and what pg_hba.conf allows",
    "3D000": "create the database, or correct its name",
    "3F000": "create the schema, or correct the search_path",
    "42501": "grant the user the right to create tables in the schema",
    "53100": "free some space on the server and try again",
    "53300": "raise max_connections, or lower HITHERTO_DB_CONNECTIONS",
    "55P03": "another transaction has been writing for too long; try again",
    "57P": "try again when the server is up",
    "25006": "connect to the primary server, which can be written",
    "58": "check the server's disk",
    "XX": "look into the server's log; restore a backup if it is damaged",
}
"""By the beginning of the code: https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_CONNECTING = (
    (re.compile(r"authentication failed|no password supplied|pg_hba"), "28"),
    (re.compile(r'database "[^"]*" does not exist'), "3D000"),
    (re.compile(r"too many (clients|connections)|connection slots"), "53300"),
    (re.compile(r"starting up|shutting down|not yet accepting|recovery mode"), "57P"),
)
"""A refused connection has no code, only the server's words."""

_AGAIN = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # the same id or name was written at the same moment: now it can be read
    "23503",  # what is referred to was deleted at the same moment
}

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class _WholeLoader(Loader):
    """Reads a `numeric`, which is only ever the sum of whole numbers here."""

    format = Format.TEXT

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


def translate(statements: Mapping[str, str]) -> dict[str, str]:
    """Statements with the parameters written as the driver takes them."""
    return {name: _translated(sql) for name, sql in statements.items()}


@functools.cache
def _translated(sql: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


_SAMPLED = """
select s.tablename as table_name, s.attname as column_name, a.atttypid::regtype::text as type
from pg_stats s
join pg_attribute a on a.attname = s.attname
    and a.attrelid = format('%I.%I', s.schemaname, s.tablename)::regclass
where s.schemaname = current_schema() and a.atttypid in ('text'::regtype, 'bytea'::regtype)
order by 1, 2
"""


def _drop_samples(connection: psycopg.Connection[DictRow]) -> None:
    """Drop the statistics of columns of empty tables, which `analyze` leaves as they were."""
    for row in connection.execute(_SAMPLED).fetchall():
        table, column, kind = row["table_name"], row["column_name"], row["type"]
        if connection.execute(f'select 1 from "{table}" limit 1').fetchone() is None:
            same = TYPES["text" if kind == "text" else "bytes"]
            # To give a column the type that it has changes nothing else.
            connection.execute(f'alter table "{table}" alter column "{column}" type {same}')


@contextlib.contextmanager
def _explained(shown_address: str, connection: psycopg.Connection[DictRow]) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise explain(error, shown_address, connection) from error


class PostgresRun:
    """Runs named statements on one connection, inside the transaction that is open on it."""

    def __init__(
        self,
        connection: psycopg.Connection[DictRow],
        statements: Mapping[str, str],
        shown_address: str,
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._shown_address = shown_address
        self.has_replaced = False

    def __call__(self, name: str, /, **parameters: Any) -> list[Row]:
        try:
            cursor = self._connection.execute(self._statements[name], _without_nul(parameters))
            return [] if cursor.description is None else list(cursor)
        except psycopg.Error as error:
            raise explain(error, self._shown_address, self._connection) from error

    def many(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(self._statements[name], [_without_nul(row) for row in rows])
        except psycopg.Error as error:
            raise explain(error, self._shown_address, self._connection) from error

    def note_replacement(self) -> None:
        """Do nothing, as `clear_traces`."""


def _without_nul(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters as PostgreSQL can keep them: it has no NUL in texts.

    What callers say is checked for it before; this is for the words of models and of exceptions.
    """
    if not any(isinstance(value, str) and "\0" in value for value in parameters.values()):
        return parameters
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in parameters.items()
    }


class PostgresDatabase:
    """Database on a server, for several threads, processes and machines.

    statements: of every transaction. writing: replacements in transactions that write.
    connections: most connections of a process; opened on demand and kept.
    """

    is_near = False

    def __init__(
        self,
        address: str,
        shown_address: str,
        statements: Mapping[str, str],
        writing: Mapping[str, str],
        connections: int,
    ) -> None:
        self._shown_address = shown_address
        self._parameters = _parameters(address, shown_address)
        self._reading = translate(statements) | {"_tables": _TABLES}
        self._writing = self._reading | translate(writing)
        reading = connections // 2
        self.background_readers = 1 if reading > 1 else 0
        self.readers = reading - self.background_readers
        self.writers = connections - reading
        self._idle: queue.LifoQueue[psycopg.Connection[DictRow]] = queue.LifoQueue()

    def open(self) -> Upgrade:
        connection = self._connect()
        try:
            _require_server(connection, self._shown_address)
            upgrade = self._migrate(connection)
            self._join(connection)
        except psycopg.Error as error:
            connection.close()
            raise explain(error, self._shown_address, connection) from error
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)
        return upgrade

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` for announced work, and after each new connection."""
        end_sender, end_receiver = socket.socketpair()

        def hear() -> None:
            with end_receiver, selectors.DefaultSelector() as end:
                end.register(end_receiver, selectors.EVENT_READ)
                while not end.select(0):
                    try:
                        with contextlib.closing(self._connect()) as connection:
                            self._hear(connection, callback, end_receiver)
                    except (psycopg.Error, StoreError) as error:
                        _log.warning("listening for work is broken off: %s", type(error).__name__)
                        end.select(_LISTENING_AGAIN_S)

        thread = threading.Thread(target=hear, name="hitherto-listen", daemon=True)
        thread.start()

        def stop() -> None:
            end_sender.close()
            thread.join()

        return stop

    def _hear(
        self,
        connection: psycopg.Connection[DictRow],
        callback: Callable[[], None],
        end_receiver: socket.socket,
    ) -> None:
        """Call `callback` for announcements until the other end of the socket pair is closed."""
        connection.execute("listen hitherto_work")
        result = connection.execute("select current_schema() as name").fetchone()
        # Earlier announcements are read now.
        callback()
        # A wait of the driver's could be ended only by a time limit, which closing would wait for.
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            end = selector.register(end_receiver, selectors.EVENT_READ)
            while all(key is not end for key, _ in selector.select()):
                for notice in connection.notifies(timeout=0):
                    # A channel is the database's, and may tell of other schemas.
                    if result is not None and notice.payload == result["name"]:
                        callback()

    def clear_traces(self) -> tuple[str, ...]:
        """Do nothing: traces lie in the server's files until its vacuum."""
        return (_ROWS_STAY,)

    def clear_replaced(self) -> None:
        """Do nothing, as `clear_traces`."""

    def clear_left(self) -> None:
        """Do nothing: a vacuum locks tables, so an operator decides."""

    def vacuum(self) -> tuple[str, ...]:
        connection = self._taken()
        try:
            for table in self.tables():
                # The names are those of our own tables. Only the full kind leaves no old page.
                self._execute(connection, f'vacuum (full, analyze) "{table.name}"')
            with _explained(self._shown_address, connection):
                _drop_samples(connection)
            # It held them; who does not own the database is only warned.
            self._execute(connection, "vacuum (full) pg_catalog.pg_statistic")
            with _explained(self._shown_address, connection):
                try:
                    connection.execute("checkpoint")
                except psycopg.errors.InsufficientPrivilege:
                    return (_LOG_KEEPS, _FILES_WAIT)
            return (_LOG_KEEPS,)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def tables(self) -> list[Table]:
        with self.transaction(write=False) as run:
            result = run("_tables")
        return [
            Table(row["name"], tuple(row["columns"]), tuple(row["key"]), frozenset(row["parents"]))
            for row in result
        ]

    @contextlib.contextmanager
    def transaction(self, *, write: bool, deleting: bool = False) -> Iterator[PostgresRun]:
        connection = self._taken()
        try:
            self._execute(connection, _BEGIN_WRITING if write else _BEGIN_READING)
            statements = self._writing if write else self._reading
            yield PostgresRun(connection, statements, self._shown_address)
            self._commit(connection)
        finally:
            self._give_back(connection)

    def glance(self) -> contextlib.AbstractContextManager[PostgresRun]:
        """Open a transaction that reads, which takes a way over the network."""
        return self.transaction(write=False)

    def _taken(self) -> psycopg.Connection[DictRow]:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        connection = self._connect()
        try:
            self._join(connection)
        except psycopg.Error as error:
            connection.close()
            raise explain(error, self._shown_address, connection) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, connection: psycopg.Connection[DictRow]) -> None:
        """End open transactions; drop broken connections and those that broke with them."""
        if not connection.closed and connection.info.transaction_status:
            with contextlib.suppress(psycopg.Error):
                connection.execute("rollback")
        if connection.closed:
            self.close()
        elif connection.info.transaction_status:
            connection.close()
        else:
            self._idle.put(connection)

    def _commit(self, connection: psycopg.Connection[DictRow]) -> None:
        try:
            connection.execute("commit")
        except psycopg.Error as error:
            result = explain(error, self._shown_address, connection)
            if connection.closed:
                raise StoreError(
                    f"{result}; the connection broke while a change was being kept: see whether it "
                    "was before it is made again"
                ) from error
            raise result from error

    def _execute(self, connection: psycopg.Connection[DictRow], sql: str) -> None:
        with _explained(self._shown_address, connection):
            connection.execute(sql)

    def _connect(self) -> psycopg.Connection[DictRow]:
        try:
            connection = psycopg.connect(**self._parameters, autocommit=True, row_factory=dict_row)
        except psycopg.Error as error:
            raise explain(error, self._shown_address, None) from error
        # A number's size must not choose its type: each choice would be prepared by itself.
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        connection.adapters.register_loader("numeric", _WholeLoader)
        try:
            connection.execute(_PREPARE)
        except psycopg.Error as error:
            connection.close()
            raise explain(error, self._shown_address, connection) from error
        return connection

    def _join(self, connection: psycopg.Connection[DictRow]) -> None:
        """Keep the schema as it is while this connection lasts. Raises SchemaError for another."""
        connection.execute(f"select pg_advisory_lock_shared{_LOCK}")
        steps = migrate.migrations()
        applied = self._applied(connection, steps)
        if migrate.pending(applied, steps):
            raise SchemaError(
                f"{self._shown_address} was replaced by an earlier database while it was "
                "open; open it again"
            )

    def _migrate(self, connection: psycopg.Connection[DictRow]) -> Upgrade:
        steps = migrate.migrations()
        deadline = time.monotonic() + ALONE_TIMEOUT_S
        before = applied = self._applied(connection, steps)
        while migrate.pending(applied, steps):
            if self._try_alone(connection):
                return self._migrate_alone(connection, steps)
            if time.monotonic() > deadline:
                raise SchemaError(
                    f"{self._shown_address} has an earlier schema, and another process has it "
                    "open; stop the older process, then open it again"
                )
            time.sleep(_TRIED_AGAIN_PAUSE_S)
            applied = self._applied(connection, steps)
        return Upgrade(before, steps[-1].version)

    def _try_alone(self, connection: psycopg.Connection[DictRow]) -> bool:
        result = connection.execute(f"select pg_try_advisory_lock{_LOCK} as alone").fetchone()
        return result is not None and bool(result["alone"])

    def _migrate_alone(
        self, connection: psycopg.Connection[DictRow], steps: Sequence[migrate.Migration]
    ) -> Upgrade:
        """Run all steps in one transaction, with the schema locked."""
        try:
            with connection.transaction():
                applied = self._applied(connection, steps)
                connection.execute(migrate.CREATE_RECORD)
                for step in migrate.pending(applied, steps):
                    migrate.run_step(step, TYPES, connection.execute)
                    connection.execute(
                        "insert into schema_migrations (version, name) values (%s, %s)",
                        (step.version, step.name),
                    )
        finally:
            if not connection.closed:
                connection.execute(f"select pg_advisory_unlock{_LOCK}")
        return Upgrade(applied, steps[-1].version)

    def _applied(
        self, connection: psycopg.Connection[DictRow], steps: Sequence[migrate.Migration]
    ) -> int:
        """Return the schema version, 0 for an empty one. Raises SchemaError for a foreign one."""
        columns = connection.execute(_COLUMNS).fetchall()
        if not columns:
            return 0
        recorded = {row["name"] for row in columns if row["table_name"] == "schema_migrations"}
        # Other programs use a table of this name, so its first row shows whether it is ours.
        result = (
            connection.execute("select version, name from schema_migrations order by version")
            if {"version", "name"} <= recorded
            else ()
        )
        applied = [(row["version"], row["name"]) for row in result]
        if not applied and {row["table_name"] for row in columns} == {"schema_migrations"}:
            return 0
        if not applied or applied[0] != (steps[0].version, steps[0].name):
            raise SchemaError(
                f"{self._shown_address} has tables of another program; give Hitherto a "
                "database of its own, or a schema of its own with ?options=-csearch_path%3Dname"
            )
        newest: int = applied[-1][0]
        return newest


_BEGIN_READING = "begin isolation level repeatable read read only"

# No function of ours stands still in a transaction that writes. A process that was stopped or cut
# off in one must not hold a user's row for longer.
_BEGIN_WRITING = f"begin; set local idle_in_transaction_session_timeout = '{BUSY_TIMEOUT_S:.0f}s'"

_TABLES = """
select c.relname::text as name,
    array(
        select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    ) as columns,
    array(
        select a.attname::text
        from pg_constraint k cross join unnest(k.conkey) with ordinality as part (attnum, place)
            join pg_attribute a on a.attrelid = c.oid and a.attnum = part.attnum
        where k.conrelid = c.oid and k.contype = 'p' order by part.place
    ) as key,
    array(
        select distinct p.relname::text
        from pg_constraint k join pg_class p on p.oid = k.confrelid
        where k.conrelid = c.oid and k.contype = 'f'
    ) as parents
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema() and c.relkind in ('r', 'p') and not c.relispartition
    and c.relname <> 'schema_migrations'
"""

_COLUMNS = """
select c.relname as table_name, a.attname as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
where n.nspname = current_schema() and c.relkind in ('r', 'p')
"""


def _parameters(address: str, shown_address: str) -> dict[str, Any]:
    try:
        given = conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        # The driver's message would quote the part that it cannot read, perhaps of the password.
        raise _unreadable(shown_address) from None
    if any("@" in str(given.get(name, "")) for name in ("host", "hostaddr", "port")):
        # The rest of a password with a bare @, which a failed connection would quote as the host.
        raise _unreadable(shown_address)
    return {**_SETTINGS, **given, "client_encoding": "utf8"}


def _unreadable(shown_address: str) -> ValidationError:
    return ValidationError(
        f"cannot read the address {shown_address}; write it as postgresql://user:password@host/database"
        ", with %-codes for special characters"
    )


def _require_server(connection: psycopg.Connection[DictRow], shown_address: str) -> None:
    """Raise StoreError for a server or a database that cannot hold a memory."""
    version = connection.info.server_version
    if version < MINIMUM_VERSION:
        raise StoreError(
            f"{shown_address} is PostgreSQL {version // 10_000}; Hitherto needs "
            f"{MINIMUM_VERSION // 10_000} or newer"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"{shown_address} has the encoding {encoding}, which cannot hold every "
            "character; create it with encoding 'UTF8'"
        )
    result = connection.execute("select current_schema() as name").fetchone()
    if result is None or result["name"] is None:
        raise StoreError(f"{shown_address} has no schema for the user; {_ADVICE['3F000']}")


def explain(
    error: psycopg.Error, shown_address: str, connection: psycopg.Connection[DictRow] | None
) -> StoreError:
    """Return the store's error for a driver error: what happened, where, what to do.

    connection: None before there is one. Details of the server are left out: they quote rows.
    """
    code = error.sqlstate or ""
    words = error.diag.message_primary or " ".join(str(error).split())
    if not code and connection is None:
        code = next((kind for pattern, kind in _CONNECTING if pattern.search(words)), "")
    advice = next((text for start, text in _ADVICE.items() if code.startswith(start)), None)
    if advice is None and not code:
        advice = "check that the server is up and can be reached from here"
    message = f"{shown_address}: {words}" + (f"; {advice}" if advice else "")
    broken = connection is not None and connection.closed
    return RerunError(message) if broken or code in _AGAIN else StoreError(message)

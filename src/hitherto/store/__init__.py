"""Durable state, reached through transactions that are functions.

A transaction is a plain function of a `Transaction`, run by the store in a thread of its own. So
nothing else can be awaited inside it, and the function can run again if a database asks for it.
"""

import asyncio
import functools
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Literal, TypeVar

from hitherto.backoff import Backoff
from hitherto.errors import ClosedError, StoreError, ValidationError
from hitherto.store.address import is_absent, is_postgresql, path_of, shown_address
from hitherto.store.database import BusyError, Database, RerunError, Run, Upgrade, parse_statements
from hitherto.store.embedders import RecordedEmbedder
from hitherto.store.repositories.deliveries import Delivery, DeliveryRows
from hitherto.store.repositories.embedders import EmbedderRows, MissingVector, SampledPassage
from hitherto.store.repositories.jobs import JobRows, Work
from hitherto.store.repositories.ledger import CallRow, LedgerRows
from hitherto.store.repositories.messages import OngoingSession
from hitherto.store.repositories.passages import StoredPassage
from hitherto.store.repositories.projects import ProjectRows
from hitherto.store.repositories.summaries import StoredSummary
from hitherto.store.repositories.user import Revision, UserRows
from hitherto.store.repositories.users import ProjectUsers
from hitherto.store.sqlite import READERS, SqliteDatabase
from hitherto.store.transaction import Transaction
from hitherto.threads import in_thread, is_background, measured

__all__ = [
    "READERS",
    "CallRow",
    "Delivery",
    "DeliveryRows",
    "EmbedderRows",
    "JobRows",
    "LedgerRows",
    "MissingVector",
    "OngoingSession",
    "ProjectRows",
    "ProjectUsers",
    "RecordedEmbedder",
    "Revision",
    "SampledPassage",
    "Store",
    "StoredPassage",
    "StoredSummary",
    "Transaction",
    "UserRows",
    "Work",
    "is_absent",
    "open_database",
    "path_of",
    "shown_address",
]

S = TypeVar("S")
T = TypeVar("T")

CONNECTIONS = 8
"""To a server, unless it is said otherwise: four that read and four that write."""

RERUNS = 6
"""Maximum retries of a transaction after a deadlock or serialisation failure."""

_BACKOFF = Backoff(first_s=0.005)
"""Delays of retries; the first is about as long as a transaction takes."""


def open_database(
    location: str | Path,
    statements: Mapping[str, str] | None = None,
    connections: int = CONNECTIONS,
) -> Database:
    """Return the database at a path or address, not yet opened.

    A path, `sqlite:///path`, or `:memory:` (kept only while it is open). `~` is the home folder; a
    relative path counts from the current working directory. Or `postgresql://user:password@host/db`,
    with at most `connections` connections. statements: by name; None for the store's own. Raises
    ValidationError for another kind of address, and for a connection string.
    """
    text = str(location)
    if is_postgresql(text):
        return _on_server(text, statements, connections)
    if statements is None:
        statements = _statements("queries.sql")
    text = path_of(text)
    if not _is_path(text):
        raise ValidationError(f"cannot open {text!a}: give the path of a file")
    if text == ":memory:":
        return _TemporaryDatabase(statements)
    return SqliteDatabase(Path(os.path.expanduser(text)).absolute(), statements)


@functools.cache
def _statements(
    file_name: str, kind: Literal["name", "writing"] = "name"
) -> MappingProxyType[str, str]:
    text = resources.files("hitherto.store").joinpath(file_name).read_text(encoding="utf-8")
    return MappingProxyType(parse_statements(text, kind))


def _on_server(address: str, statements: Mapping[str, str] | None, connections: int) -> Database:
    try:
        from hitherto.store.postgres import PostgresDatabase  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ValidationError(
            "a postgresql:// address needs the driver, which is not installed: "
            "pip install 'hitherto[postgres]'"
        ) from error
    writing: Mapping[str, str] = {}
    if statements is None:
        statements = _statements("queries.sql") | _statements("postgres.sql")
        writing = _statements("postgres.sql", "writing")
    return PostgresDatabase(address, shown_address(address), statements, writing, connections)


def _is_path(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return text != "" and "\0" not in text


class _TemporaryDatabase(SqliteDatabase):
    """A database in a folder of its own that goes with it."""

    def __init__(self, statements: Mapping[str, str]) -> None:
        self._folder = TemporaryDirectory(prefix="hitherto-")
        super().__init__(Path(self._folder.name) / "memory.db", statements)

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def _require_whole(run: Run) -> None:
    """Raise StoreError for a database that a copy has not filled yet."""
    begun = run("find_unfinished_copy")
    if begun:
        raise StoreError(
            f"a copy of {begun[0]['source']} into this database has not ended; "
            "run the same `hitherto copy` again"
        )


class Store:
    """Run transactions on a database, from any task and event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writers = ThreadPoolExecutor(database.writers, thread_name_prefix="hitherto-write")
        self._readers = ThreadPoolExecutor(database.readers, thread_name_prefix="hitherto-read")
        # Requests and background work do not wait for each other's reads.
        self._background_readers = (
            ThreadPoolExecutor(
                database.background_readers, thread_name_prefix="hitherto-background-read"
            )
            if database.background_readers
            else self._readers
        )
        self._closed = False
        self._listening: list[Callable[[], None]] = []
        self._upgrade: Upgrade | None = None

    @property
    def readers(self) -> int:
        """Return how many reads of requests may run at once."""
        return self._database.readers

    @property
    def writers(self) -> int:
        """Return how many writes may run at once."""
        return self._database.writers

    async def open(self) -> Upgrade:
        """Connect and bring the schema up to date; calling it again does nothing.

        Returns the version that the schema had, 0 for a new database, and has. Raises StoreError,
        also for a database into which a copy has not ended, and SchemaError.
        """
        if self._upgrade is None:
            upgrade = await self._in(self._writers, self._database.open)
            await self._in(self._writers, self._require_whole)
            self._upgrade = upgrade
        return self._upgrade

    def _require_whole(self) -> None:
        with self._database.transaction(write=False, deleting=False) as run:
            _require_whole(run)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a function on one consistent state of the database."""
        return await self._in(self._reading(), self._transact, work, False)

    async def read_then(self, work: Callable[[Transaction], S], then: Callable[[S], T]) -> T:
        """`read`, then a computation on the result in the same thread, after the transaction.

        It saves the way back to the event loop and out again, 0.1 to 0.2 ms of a context.
        """

        def both() -> T:
            return then(self._transact(work, False))

        return await self._in(self._reading(), both)

    def _reading(self) -> ThreadPoolExecutor:
        return self._background_readers if is_background() else self._readers

    async def glance(self, work: Callable[[Transaction], T]) -> T:
        """`read` of a row or two, as every request does before its own work.

        On the thread of the event loop if the database says that this is quicker than the way to
        another thread and back (0.3 ms in a server at work), and not behind longer reads; but never
        waiting for a lock.
        """
        if self._closed:
            raise ClosedError("the memory was closed; open it again")
        if self._database.is_near:
            try:
                with self._database.glance() as run:
                    return work(Transaction(run))
            except BusyError:
                return await self.read(work)
        return await self.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a function in one transaction: all it writes is kept, or nothing."""
        return await self._in(self._writers, self._transact, work, True)

    async def delete(self, work: Callable[[Transaction], T]) -> tuple[T, tuple[str, ...]]:
        """`write` for a deletion; return also the traces that remain (`clear_traces`)."""
        deleted: T = await self._in(self._writers, self._transact, work, True, True)
        return deleted, await self._in(self._writers, self._database.clear_traces)

    async def clear_left(self) -> None:
        """Clear the traces that deletions of any process have left, if it is time."""
        await self._in(self._writers, self._database.clear_left)

    async def vacuum(self) -> tuple[str, ...]:
        """Rewrite the database; return what still holds deleted rows."""
        return await self._in(self._writers, self._database.vacuum)

    def listen(self, callback: Callable[[], None]) -> None:
        """Call `callback`, on another thread, when a process announces work, until `close`.

        A database without announcements never calls it.
        """
        self._listening.append(self._database.listen(callback))

    async def close(self) -> None:
        """Finish running transactions and close the database; idempotent."""
        if self._closed:
            return
        self._closed = True
        for end_listening in self._listening:
            await in_thread(end_listening)
        # A thread that is still working returns its connection, which is closed then.
        for pool in (self._readers, self._background_readers, self._writers):
            await in_thread(pool.shutdown)
        await in_thread(self._database.close)

    def _transact(self, work: Callable[[Transaction], T], write: bool, deleting: bool = False) -> T:
        for tries in range(1, RERUNS + 1):
            try:
                return self._transact_once(work, write, deleting)
            except RerunError:
                time.sleep(_BACKOFF.delay_s(tries))
        return self._transact_once(work, write, deleting)

    def _transact_once(self, work: Callable[[Transaction], T], write: bool, deleting: bool) -> T:
        with self._database.transaction(write=write, deleting=deleting) as run:
            result = work(Transaction(run))
        if run.has_replaced and not deleting:
            self._database.clear_replaced()
        return result

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[..., T], *arguments: object) -> T:
        if self._closed:
            raise ClosedError("the memory was closed; open it again")
        try:
            running = asyncio.get_running_loop().run_in_executor(pool, measured(call), *arguments)
        except RuntimeError as error:
            # The interpreter is ending and takes no more work; the client was not closed.
            raise ClosedError("the program ends; close the memory before it does") from error
        return await running

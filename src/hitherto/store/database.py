"""Database interface of the store: named statements in transactions.

Nothing here knows of memories, and nothing outside this package knows which database it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol

from hitherto.errors import StoreError

Row = Mapping[str, Any]


class RerunError(StoreError):
    """A transaction that left nothing and may succeed when its function runs again.

    Another transaction was in the way, or the connection broke before anything was kept.
    """


class BusyError(StoreError):
    """Another process holds a lock on the database."""


class Upgrade(NamedTuple):
    """Schema versions before and after opening; 0 for an empty database."""

    before: int
    after: int


class Table(NamedTuple):
    """A table with its primary key columns, in order.

    parents: tables that its rows refer to.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    parents: frozenset[str]


class Run(Protocol):
    """Runs named statements inside one transaction.

    has_replaced: whether `note_replacement` was called, so that `clear_replaced` is to follow.
    """

    has_replaced: bool

    def __call__(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run a statement and return all its rows. Raises StoreError."""
        ...

    def many(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement without result once per row. Raises StoreError."""
        ...

    def note_replacement(self) -> None:
        """Note that the transaction overwrites a text, whose copies are then cleared as deleted.

        Call it wherever a statement replaces what somebody wrote by something else: metadata, ids,
        names, addresses, secrets. Raises StoreError.
        """
        ...


class Database(Protocol):
    """A database with blocking methods; the store calls them in its threads.

    is_near: a small read takes a few microseconds, because no network is in between.
    readers, writers: transactions of either kind that may be open at once. background_readers:
        further ones, for background work only; 0 where it shares the readers.
    """

    is_near: bool
    readers: int
    background_readers: int
    writers: int

    def open(self) -> Upgrade:
        """Connect and migrate the schema, unless another process uses an earlier one.

        Raises StoreError, SchemaError.
        """
        ...

    def tables(self) -> list[Table]:
        """Return all tables except the migration record. Raises StoreError."""
        ...

    def transaction(self, *, write: bool, deleting: bool = False) -> AbstractContextManager[Run]:
        """Open a transaction: committed at the end, rolled back on an error.

        deleting: `clear_traces` follows, and `clear_left` until everything is cleared.
        A read transaction sees one state. Raises RerunError if the same function may succeed again.
        """
        ...

    def glance(self) -> AbstractContextManager[Run]:
        """Open a transaction that reads a row or two, where the database is near.

        Raises BusyError instead of waiting for a lock.
        """
        ...

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback`, on a thread of the database, whenever a process announces work.

        Returns a function that ends it. A database without announcements never calls it, and an
        announcement can be missed, so the caller must also poll.
        """
        ...

    def clear_traces(self) -> tuple[str, ...]:
        """After a deletion: leave nothing of what was deleted in the database's files.

        Returns what could not be cleared yet, a sentence each: what holds it, and until when. The
        deletion stands, so it raises nothing.
        """
        ...

    def clear_replaced(self) -> None:
        """Clear the copies of replaced texts: at once where it takes milliseconds, or `clear_left`.

        Replacing is a common call, unlike deleting, so it waits for less. Raises nothing.
        """
        ...

    def clear_left(self) -> None:
        """Clear traces that deletions of any process have left, if it is time; called regularly."""
        ...

    def vacuum(self) -> tuple[str, ...]:
        """Rewrite the database without the space of deleted rows. Raises StoreError.

        Returns what still holds deleted rows.
        """
        ...

    def close(self) -> None:
        """Let go of every connection; no transaction may be open."""
        ...


_NAME = re.compile(r"^-- (name|writing): (\w+)\n", re.MULTILINE)


def parse_statements(text: str, kind: Literal["name", "writing"] = "name") -> dict[str, str]:
    """Return the blocks `-- name: x` (or `-- writing: x`) of a file as {name: SQL}.

    Raises ValueError if a name stands twice or a block is empty: the file is the package's own.
    """
    parts = _NAME.split(text)[1:]
    statements: dict[str, str] = {}
    for found_kind, name, block in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if found_kind != kind:
            continue
        sql = "\n".join(line for line in block.splitlines() if not line.startswith("--")).strip()
        if name in statements or not sql:
            raise ValueError(f"statement {name} is empty or stands twice")
        statements[name] = sql.removesuffix(";")
    return statements

"""What a database must be to hold Hitherto's store: a place to run named statements.

Nothing here knows of memories, and nothing outside this package knows which database it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol

from hitherto.errors import StoreError

Row = Mapping[str, Any]


class RerunError(StoreError):
    """The transaction left nothing, and its function may succeed when it is run again.

    Another transaction was in the way, or the connection broke before anything was kept.
    """


class Upgrade(NamedTuple):
    """From which version of the schema to which a database was brought; 0 is an empty one."""

    before: int
    after: int


class Table(NamedTuple):
    """A table as it stands in the database; key: the columns of its primary key, in order.

    parents: the tables that its rows refer to.
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
    """One database. Its methods block; the store calls them in threads of its own.

    is_near: whether a small read takes a few microseconds, because no network is in between.
    readers, writers: how many transactions of either kind may be open at once.
    """

    is_near: bool
    readers: int
    writers: int

    def open(self) -> Upgrade:
        """Connect and bring the schema up to date, only while nobody uses an earlier one.

        Raises StoreError, SchemaError.
        """
        ...

    def tables(self) -> list[Table]:
        """All tables but the record of the schema's steps. Raises StoreError."""
        ...

    def transaction(self, *, write: bool, deleting: bool = False) -> AbstractContextManager[Run]:
        """One transaction: committed when the block ends, rolled back when it raises.

        deleting: whether `clear_traces` will follow, and `clear_left` until it has cleared all.
        What only reads sees one state. Raises RerunError where the same may succeed when it is
        done again from its beginning.
        """
        ...

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Call `heard`, on a thread of the database's, whenever some process announces work.

        Returns what ends it. Nothing is heard where the database cannot tell, and some of it may be
        missed: who listens looks from time to time as well.
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
        """Clear what deletions of any process have left, if it is time; called now and then."""
        ...

    def vacuum(self) -> tuple[str, ...]:
        """Write the database anew, without the room that deleted rows left. Raises StoreError.

        Returns what holds deleted rows nevertheless.
        """
        ...

    def close(self) -> None:
        """Let go of every connection; no transaction may be open."""
        ...


_NAME = re.compile(r"^-- (name|writing): (\w+)\n", re.MULTILINE)


def parse_statements(text: str, kind: Literal["name", "writing"] = "name") -> dict[str, str]:
    """The blocks `-- name: x` of a file, or its blocks `-- writing: x`, as {name: SQL}.

    Raises ValueError if a name stands twice or a block is empty: the file is the package's own.
    """
    parts = _NAME.split(text)[1:]
    statements: dict[str, str] = {}
    for found, name, block in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if found != kind:
            continue
        sql = "\n".join(line for line in block.splitlines() if not line.startswith("--")).strip()
        if name in statements or not sql:
            raise ValueError(f"statement {name} is empty or stands twice")
        statements[name] = sql.removesuffix(";")
    return statements

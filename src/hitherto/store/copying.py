"""Copies a whole database into an empty one, of the same kind or another.

Rows go table by table, those that others refer to first, in batches that are written together with
how far the copy is; so it can be interrupted anywhere, and goes on from there. In the end the
source is read once more, and a table counts as copied if it has the same rows there and here.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hitherto.errors import SchemaError, StoreError
from hitherto.store.database import Database, Row, Run, Table

BATCH_ROWS = 500
"""A row is a message at most, of some 260,000 characters by default."""

ROUNDS = 3
"""Times that tables are copied, where the source is written to meanwhile."""

PROGRESS_TABLE = "unfinished_copies"

OpenDatabase = Callable[[Mapping[str, str]], Database]
"""Function that returns a database, not yet open, with these statements."""


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table that is equal in both databases. digest: of all its rows, in any order."""

    name: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """Copied rows of all tables. doing: current step and table."""

    doing: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _Contents:
    """Row count of a table and the sum of its row hashes."""

    rows: int = 0
    digest: int = 0

    def with_row(self, row: Row, table: Table) -> "_Contents":
        """These contents with one more row."""
        text = hashlib.sha256()
        for column in table.columns:
            value = _encoded(row[column])
            text.update(len(value).to_bytes(8, "big") + value)
        hashed = int.from_bytes(text.digest(), "big")
        return _Contents(self.rows + 1, (self.digest + hashed) % 2**256)


def copy(
    source: OpenDatabase,
    target: OpenDatabase,
    source_name: str,
    report: Callable[[CopyProgress], None],
    batch_rows: int = BATCH_ROWS,
) -> list[CopiedTable]:
    """Copy a database, or continue an interrupted copy.

    source_name: identifies the source, so that two copies are not mixed. report: called after each
        written batch.
    Raises StoreError if the target holds other rows or the source keeps changing; SchemaError for a
    schema of another release. Errors of the database are raised as they are; the copy can continue.
    """
    tables = _same(_tables(source), _tables(target))
    statements = _statements(tables)
    reading, writing = source(statements), target(statements)
    try:
        reading.open()
        writing.open()
        run_of_copy = _Copy(reading, writing, tables, source_name, report)
        return run_of_copy.run(batch_rows)
    finally:
        reading.close()
        writing.close()


def _tables(open_database: OpenDatabase) -> list[Table]:
    database = open_database({})
    try:
        database.open()
        return [table for table in database.tables() if table.name != PROGRESS_TABLE]
    finally:
        database.close()


def _same(source: Sequence[Table], target: Sequence[Table]) -> list[Table]:
    """Return the tables of both databases, parents first. Raises SchemaError if they differ."""
    if {(table.name, table.columns) for table in source} != {
        (table.name, table.columns) for table in target
    }:
        raise SchemaError("the two databases have different tables; use one release for both")
    ordered: list[Table] = []
    waiting = sorted(source, key=lambda table: table.name)
    while waiting:
        placed = {table.name for table in ordered}
        ready = [table for table in waiting if set(table.parents) - {table.name} <= placed]
        ordered += ready
        waiting = [table for table in waiting if table not in ready]
        if not ready:
            raise SchemaError("the tables refer to each other in circles")
    return ordered


def _statements(tables: Sequence[Table]) -> dict[str, str]:
    """Build statements for both databases from their own tables, without caller text."""
    made = {
        "copy_progress": f"select * from {PROGRESS_TABLE}",
        "begin_copy": f"insert into {PROGRESS_TABLE} (table_name, source, copied) "
        "values (:table_name, :source, 0)",
        "note_copied": f"update {PROGRESS_TABLE} set last_key = :last_key, copied = :copied "
        "where table_name = :table_name",
        "end_copy": f"delete from {PROGRESS_TABLE}",
    }
    for table in tables:
        columns, order = ", ".join(table.columns), ", ".join(table.key)
        after = ", ".join(f":{name}" for name in table.key)
        values = ", ".join(f":{name}" for name in table.columns)
        page = f"select {columns} from {table.name}"
        made |= {
            f"first_{table.name}": f"{page} order by {order} limit :most",
            f"next_{table.name}": f"{page} where ({order}) > ({after}) order by {order} "
            "limit :most",
            f"insert_{table.name}": f"insert into {table.name} ({columns}) values ({values})",
            f"count_{table.name}": f"select count(*) as total from {table.name}",
            f"clear_{table.name}": f"delete from {table.name}",
        }
    return made


class _Copy:
    """A run of a copy between two open databases."""

    def __init__(
        self,
        source: Database,
        target: Database,
        tables: Sequence[Table],
        source_name: str,
        report: Callable[[CopyProgress], None],
    ) -> None:
        self._source = source
        self._target = target
        self._tables = tables
        self._source_name = source_name
        self._report = report

    def run(self, batch_rows: int) -> list[CopiedTable]:
        """Copy, compare, and copy differing tables again, up to the allowed number of rounds."""
        with self._target.transaction(write=True) as run:
            self._begin(run)
        for _ in range(ROUNDS):
            with self._source.transaction(write=False) as run:
                self._fill(run, batch_rows)
            copied = self._compared()
            if copied is not None:
                with self._target.transaction(write=True) as run:
                    run("end_copy")
                return copied
        raise StoreError(
            "the source was written to while it was copied; stop the servers and workers on it, "
            "then copy again: what has come is kept"
        )

    def _begin(self, run: Run) -> None:
        begun = {row["source"] for row in run("copy_progress")}
        if begun and begun != {self._source_name}:
            raise StoreError(
                f"a copy of {begun.pop()} into the target was begun and has not ended; "
                "go on with it, or name another target"
            )
        if begun:
            return
        full = [table.name for table in self._tables if _count(run, table)]
        if full:
            raise StoreError(f"the target is not empty: it has {', '.join(full)}; name another one")
        for table in self._tables:
            run("begin_copy", table_name=table.name, source=self._source_name)

    def _fill(self, source: Run, batch_rows: int) -> None:
        """Bring what is missing of each table, from one state of the source."""
        with self._target.transaction(write=False) as run:
            progress = {row["table_name"]: row for row in run("copy_progress")}
        total = sum(_count(source, table) for table in self._tables)
        done = sum(row["copied"] for row in progress.values())
        for table in self._tables:
            row = progress[table.name]
            copied = row["copied"]
            after = None if row["last_key"] is None else json.loads(row["last_key"])
            for page in _pages(source, table, batch_rows, after):
                copied += len(page)
                with self._target.transaction(write=True) as run:
                    run.many(f"insert_{table.name}", [dict(row) for row in page])
                    last = {name: page[-1][name] for name in table.key}
                    run(
                        "note_copied",
                        table_name=table.name,
                        last_key=json.dumps(last),
                        copied=copied,
                    )
                done += len(page)
                self._report(CopyProgress(f"copying {table.name}", done, max(done, total)))

    def _compared(self) -> list[CopiedTable] | None:
        """Return the tables if both databases are equal; otherwise delete what differs."""
        done = 0
        same: list[CopiedTable] = []
        with (
            self._source.transaction(write=False) as source,
            self._target.transaction(write=False) as target,
        ):
            total = sum(_count(source, table) for table in self._tables)
            for table in self._tables:
                there, here = _contents(source, table), _contents(target, table)
                if there != here:
                    break
                done += there.rows
                same.append(CopiedTable(table.name, there.rows, f"{there.digest:064x}"))
                self._report(CopyProgress(f"comparing {table.name}", done, max(done, total)))
            else:
                return same
        with self._target.transaction(write=True) as run:
            # Rows that refer to others are deleted with them, so all later tables are copied again.
            for later in reversed(self._tables[len(same) :]):
                run(f"clear_{later.name}")
                run("note_copied", table_name=later.name, last_key=None, copied=0)
        return None


def _count(run: Run, table: Table) -> int:
    total: int = run(f"count_{table.name}")[0]["total"]
    return total


def _pages(
    run: Run, table: Table, batch_rows: int, after: dict[str, Any] | None = None
) -> Iterator[list[Row]]:
    """Yield rows after a key, in key order."""
    while True:
        page = (
            run(f"first_{table.name}", most=batch_rows)
            if after is None
            else run(f"next_{table.name}", most=batch_rows, **after)
        )
        if page:
            yield page
        if len(page) < batch_rows:
            return
        after = {name: page[-1][name] for name in table.key}


def _contents(run: Run, table: Table) -> _Contents:
    contents = _Contents()
    for page in _pages(run, table, BATCH_ROWS):
        for row in page:
            contents = contents.with_row(row, table)
    return contents


def _encoded(value: object) -> bytes:
    """A value with its kind, the same for the same value in every database."""
    if value is None:
        return b"n"
    if isinstance(value, int):
        return b"i%d" % value
    if isinstance(value, float):
        return b"f" + value.hex().encode()
    if isinstance(value, str):
        return b"s" + value.encode()
    if isinstance(value, bytes | memoryview):
        return b"b" + bytes(value)
    raise TypeError(f"a column holds a {type(value).__name__}")

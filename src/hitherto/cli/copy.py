"""`hitherto copy`: a whole database into another one."""

import os
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from hitherto.cli.administration import AsJson
from hitherto.cli.exit_codes import one_line_errors
from hitherto.cli.output import print_json, print_table
from hitherto.errors import StoreError, ValidationError
from hitherto.store import is_absent, open_database, path_of, shown_address
from hitherto.store.address import is_postgresql
from hitherto.store.copying import CopiedTable, CopyProgress, copy


def copy_memory(
    source: Annotated[str, typer.Argument(help="Database to copy: a path or an address.")],
    target: Annotated[str, typer.Argument(help="Database to copy into; it must be empty.")],
    as_json: AsJson = False,
) -> None:
    """Copy everything from one database into another: from a file to PostgreSQL, or back.

    Stop the servers and workers on the source first: rows written during the copy make it start
    again. An interrupted copy continues when the command is run again. In the end all tables are
    compared row by row, by count and hash; only then can the target be served.
    """
    with one_line_errors():
        _require_two(source, target)
        copied = _copy_with_progress(source, target)
    if as_json:
        print_json(
            {
                "source": _printed_address(source),
                "target": _printed_address(target),
                "tables": [
                    {"name": table.name, "rows": table.rows, "sha256_sum": table.digest}
                    for table in copied
                ],
            }
        )
        return
    print_table(
        ("table", "rows", "sum of hashes"),
        [
            (table.name, f"{table.rows:,}", f"{table.digest[:16]}…")
            for table in copied
            if table.rows
        ],
        "The source is empty.",
    )
    typer.echo(
        f"{_printed_address(target)} has all {sum(table.rows for table in copied):,} rows of "
        f"{_printed_address(source)}, compared row by row."
    )


def _copy_with_progress(source: str, target: str) -> list[CopiedTable]:
    progress_bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with progress_bar:
        task = progress_bar.add_task("opening", total=None)

        def show(progress: CopyProgress) -> None:
            progress_bar.update(
                task,
                description=progress.doing,
                completed=progress.done,
                total=progress.total,
            )

        return copy(
            partial(open_database, source),
            partial(open_database, target),
            _printed_address(source),
            show,
        )


def _require_two(source: str, target: str) -> None:
    """Raise ValidationError for a copy into itself, StoreError if there is no source."""
    if _real_address(source) == _real_address(target):
        raise ValidationError(
            f"{_printed_address(source)} cannot be copied into itself; name another target"
        )
    if is_absent(source):
        raise StoreError(
            f"there is no database at {_printed_address(source)}; name the database to copy"
        )


def _real_address(location: str) -> str:
    if is_postgresql(location):
        return location
    return os.path.realpath(os.path.expanduser(path_of(location)))


def _printed_address(location: str) -> str:
    """Return the address without a password."""
    return shown_address(_real_address(location))

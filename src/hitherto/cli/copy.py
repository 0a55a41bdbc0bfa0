"""`hitherto copy`: a whole database into another one."""

import os
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from hitherto.cli.administration import AsJson
from hitherto.cli.output import one_line_errors, print_json, print_table
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

    Stop the servers and workers on the source first: what is written meanwhile has the copy begin
    again. Interrupted, it goes on from there when it is run again. In the end every table is
    compared, row for row, by count and hash; only then can the target be served.
    """
    with one_line_errors():
        _require_two(source, target)
        copied = _copied(source, target)
    if as_json:
        print_json(
            {
                "source": _shown(source),
                "target": _shown(target),
                "tables": [
                    {"name": one.name, "rows": one.rows, "sha256_sum": one.digest} for one in copied
                ],
            }
        )
        return
    print_table(
        ("table", "rows", "sum of hashes"),
        [(one.name, f"{one.rows:,}", f"{one.digest[:16]}…") for one in copied if one.rows],
        "The source holds nothing.",
    )
    typer.echo(
        f"{_shown(target)} holds all {sum(one.rows for one in copied):,} rows of {_shown(source)}, "
        "compared row for row."
    )


def _copied(source: str, target: str) -> list[CopiedTable]:
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("opening", total=None)

        def show(progress: CopyProgress) -> None:
            bar.update(
                task,
                description=progress.doing,
                completed=progress.done,
                total=progress.total,
            )

        return copy(
            partial(open_database, source), partial(open_database, target), _shown(source), show
        )


def _require_two(source: str, target: str) -> None:
    """Raise ValidationError for a copy into itself, and StoreError where there is nothing."""
    if _place(source) == _place(target):
        raise ValidationError(f"{_shown(source)} cannot be copied into itself; name another target")
    if is_absent(source):
        raise StoreError(f"there is no database at {_shown(source)}; name the one to copy")


def _place(location: str) -> str:
    if is_postgresql(location):
        return location
    return os.path.realpath(os.path.expanduser(path_of(location)))


def _shown(location: str) -> str:
    """Return the address without a password."""
    return shown_address(_place(location))

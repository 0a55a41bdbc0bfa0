"""Output, errors and settings of every command."""

import contextlib
import io
import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pydantic
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hitherto.errors import RecallrAIError, ValidationError
from hitherto.file_modes import PRIVATE_FILE, create_private_file
from hitherto.settings import Settings
from hitherto.wire import WireModel

USAGE_EXIT_CODE = 2
FAILURE_EXIT_CODE = 1
_UNBOUNDED_WIDTH = 1000


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an error in one line and exit with code 1."""
    try:
        yield
    except (RecallrAIError, OSError) as error:
        raise fail(error) from error


def fail(error: RecallrAIError | OSError, exit_code: int = FAILURE_EXIT_CODE) -> typer.Exit:
    """Return the error to raise for one line of text and exit code 1."""
    typer.echo(f"hitherto: {' '.join(str(error).split())}", err=True)
    return typer.Exit(exit_code)


def read_settings(**given: Any) -> Settings:
    """Return the settings of the environment, overridden by arguments that are not None.

    Raises ValidationError.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        # An invalid address or key may still be a secret, or contain one.
        wrong_value = "" if name.endswith(("_url", "_key")) else f", not {first['input']!r}"
        raise ValidationError(
            f"the setting {name} (HITHERTO_{name.upper()}): {reason}{wrong_value}"
        ) from error


def print_json(value: WireModel | Sequence[WireModel] | dict[str, Any]) -> None:
    """Print one JSON document."""
    content: Any = value
    if isinstance(value, WireModel):
        content = value.model_dump(mode="json")
    elif not isinstance(value, dict):
        content = [item.model_dump(mode="json") for item in value]
    typer.echo(json.dumps(content, indent=2))


def secret_file(path: Path) -> Path:
    """Create a file for a secret, which only this user can read.

    Raises ValidationError for a file that exists already, and OSError.
    """
    if not create_private_file(path):
        raise ValidationError(f"{path} exists already; name another file, or remove it first")
    return path


def protect_output() -> None:
    """Keep other users from reading the file that the standard output is written to.

    A shell creates the file of `> key.json` before the command runs, readable for everybody under
    the usual umask. Call it before a secret is printed.
    """
    try:
        descriptor = sys.stdout.fileno()
        status = os.fstat(descriptor)
    except (OSError, ValueError, io.UnsupportedOperation):
        return
    if not (os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IRWXO):
        return
    if status.st_size == 0 and status.st_uid == os.geteuid():
        os.fchmod(descriptor, PRIVATE_FILE)
    else:
        typer.echo("warning: other users can read the file that the output is written to", err=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    """Print a table without cutting cells off, or `nothing` if there are no rows."""
    if not rows:
        typer.echo(nothing)
        return
    table = Table()
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    console = Console()
    wide = console.options.update(max_width=_UNBOUNDED_WIDTH)
    # A narrower terminal wraps the lines, which is better than an id cut in the middle.
    console.width = max(console.width, Measurement.get(console, wide, table).maximum)
    console.print(table)


def _printable(text: str) -> str:
    """Replace characters that could move the cursor of a terminal, as a name can have."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)

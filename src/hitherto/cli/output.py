"""Output of commands: JSON and tables."""

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hitherto.wire import WireModel

_UNBOUNDED_WIDTH = 1000


def print_json(value: WireModel | Sequence[WireModel] | dict[str, Any]) -> None:
    """Print one JSON document."""
    content: Any = value
    if isinstance(value, WireModel):
        content = value.model_dump(mode="json")
    elif not isinstance(value, dict):
        content = [item.model_dump(mode="json") for item in value]
    typer.echo(json.dumps(content, indent=2))


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

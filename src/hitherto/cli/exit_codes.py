"""Exit codes, and errors in one line."""

import contextlib
from collections.abc import Iterator

import typer

from hitherto.errors import RecallrAIError

USAGE_EXIT_CODE = 2
FAILURE_EXIT_CODE = 1


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

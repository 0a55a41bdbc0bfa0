"""Command line: `hitherto`."""

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from hitherto.cli import budgets, categories, keys, projects, webhooks
from hitherto.cli.copy import copy_memory
from hitherto.cli.delete import delete
from hitherto.cli.evaluation import evaluate
from hitherto.cli.migrate import migrate
from hitherto.cli.model_usage import usage
from hitherto.cli.reembed import reembed
from hitherto.cli.service import run_worker, serve_memory
from hitherto.cli.vacuum import vacuum

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("serve")(serve_memory)
app.command("worker")(run_worker)
app.add_typer(keys.app, name="keys")
app.add_typer(projects.app, name="projects")
app.add_typer(categories.app, name="categories")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(budgets.app, name="budgets")
app.command("usage")(usage)
app.command("copy")(copy_memory)
app.command("migrate")(migrate)
app.command("delete")(delete)
app.command("vacuum")(vacuum)
app.command("reembed")(reembed)
app.command("eval")(evaluate)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hitherto {installed_version('hitherto')}")
        raise typer.Exit


@app.callback()
def hitherto(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Long-term memory for applications on language models."""

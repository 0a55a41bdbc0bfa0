"""The command line: `recollect`."""

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from recollect.cli import budgets, categories, keys, projects, webhooks
from recollect.cli.copy import copy_memory
from recollect.cli.delete import delete
from recollect.cli.evaluation import evaluate
from recollect.cli.migrate import migrate
from recollect.cli.reembed import reembed
from recollect.cli.service import run_worker, serve_memory
from recollect.cli.usage import usage
from recollect.cli.vacuum import vacuum

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
        typer.echo(f"recollect {installed_version('recollect')}")
        raise typer.Exit


@app.callback()
def recollect(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Long-term memory for applications on language models."""

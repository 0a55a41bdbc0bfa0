"""`hitherto delete`: delete a user, a session or a memory, and print the report."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import fields
from typing import Annotated, Any

import typer

from hitherto import wire
from hitherto.api import MemoryApi
from hitherto.cli.administration import AsJson, Db, require_database
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import FAILURE_EXIT_CODE, USAGE_EXIT_CODE, one_line_errors
from hitherto.cli.output import print_json
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.models import DeletionReport
from hitherto.settings import Settings
from hitherto.system import open_system


def delete(
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Delete only this session.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="ID", help="Delete only this memory.")
    ] = None,
    previous: Annotated[
        bool, typer.Option("--previous", help="With --memory: its earlier versions, too.")
    ] = False,
    project: Annotated[str, typer.Option(metavar="ID", help="The user's project.")] = (
        DEFAULT_PROJECT_ID
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Delete a user, a session or a memory, and report the deleted rows; final.

    Servers may keep running.
    """
    if (session is not None and memory is not None) or (previous and memory is None):
        typer.echo("hitherto: give --session, or --memory with or without --previous", err=True)
        raise typer.Exit(USAGE_EXIT_CODE)
    what = f"user {user!a}"
    if session is not None:
        what = f"session {session!a} of {what}"
    if memory is not None:
        what = f"memory {memory!a} of {what}"
    with one_line_errors():
        settings = read_settings(db=db, worker=False)
        require_database(settings)
        if not yes and not typer.confirm(f"Delete the {what}?", err=True):
            typer.echo("Nothing was deleted.", err=True)
            raise typer.Exit(FAILURE_EXIT_CODE)

        async def work(api: MemoryApi) -> DeletionReport:
            if session is not None:
                return await api.delete_session(user, session)
            if memory is not None:
                return await api.delete_memory(user, memory, delete_previous_versions=previous)
            return await api.delete_user(user)

        report = asyncio.run(_in_project(settings, project, work))
    if as_json:
        print_json(wire.DeletionReport.from_model(report))
    else:
        _show(what, report)


async def _in_project(
    settings: Settings,
    project_id: str,
    work: Callable[[MemoryApi], Coroutine[Any, Any, DeletionReport]],
) -> DeletionReport:
    system = await open_system(settings.db, settings)
    try:
        await system.admin.get_project(project_id)
        return await work(system.engine(project_id))
    finally:
        await system.close()


def _show(what: str, report: DeletionReport) -> None:
    typer.echo(f"The {what} is deleted.")
    for field in fields(report):
        value = getattr(report, field.name)
        if isinstance(value, int) and value:
            typer.echo(f"{field.name.replace('_', ' '):<19} {value}")
    for holder in report.pending:
        typer.echo(f"Deleted data is still in {holder}.")

"""`hitherto projects`: the tenants of a memory."""

from typing import Annotated

import typer

from hitherto import wire
from hitherto.admin_api import AdminApi
from hitherto.cli.administration import AsJson, Db, administer
from hitherto.cli.exit_codes import FAILURE_EXIT_CODE
from hitherto.cli.formatting import shown_time
from hitherto.cli.output import print_json, print_table
from hitherto.models import Project, ProjectCounters

app = typer.Typer(no_args_is_help=True, help="Create, list, change and delete projects.")

ProjectId = Annotated[str, typer.Argument(help="The id of the project.", metavar="PROJECT_ID")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A name for people to read.")],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Create a project. Its users, keys and categories are separate from other projects'."""

    async def work(api: AdminApi) -> Project:
        return await api.create_project(name)

    _show(administer(db, work, may_create=True), as_json)


@app.command("list")
def list_projects(as_json: AsJson = False, db: Db = None) -> None:
    """List the projects, oldest first."""

    async def work(api: AdminApi) -> list[Project]:
        return await api.list_projects()

    projects = administer(db, work)
    if as_json:
        print_json([wire.Project.from_model(project) for project in projects])
    else:
        _print_table(projects)


@app.command("update")
def update(
    project_id: ProjectId,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    merge_conflicts: Annotated[
        bool | None,
        typer.Option(
            "--merge-conflicts/--no-merge-conflicts",
            help="Whether contradictions become merge conflicts to be answered.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Rename a project, or switch merge conflicts."""

    async def work(api: AdminApi) -> Project:
        return await api.update_project(
            project_id, name=name, merge_conflict_enabled=merge_conflicts
        )

    _show(administer(db, work), as_json)


@app.command("delete")
def delete(
    project_id: ProjectId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Delete a project with its keys, users, messages and memories. This cannot be undone."""

    async def look(api: AdminApi) -> tuple[Project, ProjectCounters]:
        return await api.get_project(project_id), await api.counters(project_id)

    async def work(api: AdminApi) -> None:
        await api.delete_project(project_id)

    project, counters = administer(db, look)
    if not yes:
        question = (
            f"Delete the project {project.name!a} with {counters.users} users,"
            f" {counters.messages} messages and {counters.memories} memories?"
        )
        if not typer.confirm(question, err=True):
            typer.echo("Nothing was deleted.", err=True)
            raise typer.Exit(FAILURE_EXIT_CODE)
    administer(db, work)
    if as_json:
        print_json({"project_id": project_id, "deleted": True})
    else:
        typer.echo(f"Project {project_id} is deleted.")


def _show(project: Project, as_json: bool) -> None:
    if as_json:
        print_json(wire.Project.from_model(project))
    else:
        _print_table([project])


def _print_table(projects: list[Project]) -> None:
    print_table(
        ("project id", "name", "merge conflicts", "created"),
        [
            (
                project.project_id,
                project.name,
                "on" if project.merge_conflict_enabled else "off",
                shown_time(project.created_at),
            )
            for project in projects
        ],
        "There are no projects.",
    )

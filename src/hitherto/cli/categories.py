"""`hitherto categories`: the labels that a project's memories are given."""

from typing import Annotated

import typer

from hitherto import wire
from hitherto.admin_api import AdminApi
from hitherto.cli.administration import AsJson, Db, administer
from hitherto.cli.output import print_json, print_table
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.models import Category

app = typer.Typer(no_args_is_help=True, help="Create, list and delete categories of a project.")

ProjectId = Annotated[str, typer.Option("--project", metavar="ID", help="The project.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A short name, such as food_preferences.")],
    description: Annotated[
        str, typer.Option(help="Description of its memories, in words that users would use.")
    ] = "",
    project: ProjectId = DEFAULT_PROJECT_ID,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Create a category for memories that are created from now on."""

    async def work(api: AdminApi) -> Category:
        return await api.create_category(project, name, description=description)

    category = administer(db, work, may_create=True)
    if as_json:
        print_json(wire.Category.from_model(category))
    else:
        _print_table([category])


@app.command("list")
def list_categories(
    project: ProjectId = DEFAULT_PROJECT_ID, as_json: AsJson = False, db: Db = None
) -> None:
    """List the categories of a project by name."""

    async def work(api: AdminApi) -> list[Category]:
        return await api.list_categories(project)

    categories = administer(db, work)
    if as_json:
        print_json([wire.Category.from_model(category) for category in categories])
    else:
        _print_table(categories)


@app.command("delete")
def delete(
    category_id: Annotated[str, typer.Argument(help="The id of the category.")],
    project: ProjectId = DEFAULT_PROJECT_ID,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Delete a category; its memories stay, without it."""

    async def work(api: AdminApi) -> None:
        await api.delete_category(project, category_id)

    administer(db, work)
    if as_json:
        print_json({"category_id": category_id, "deleted": True})
    else:
        typer.echo(f"Category {category_id} is deleted.")


def _print_table(categories: list[Category]) -> None:
    print_table(
        ("category id", "name", "description"),
        [(category.category_id, category.name, category.description) for category in categories],
        "There are no categories.",
    )

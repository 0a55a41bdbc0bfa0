"""`hitherto keys`: the keys of applications and of whoever administers."""

from typing import Annotated

import typer

from hitherto import wire
from hitherto.api import AdminApi
from hitherto.cli.administration import AsJson, Db, administer, shown_time
from hitherto.cli.output import print_json, print_table
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.models import ApiKey, NewApiKey

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys.")


@app.command("create")
def create(
    project: Annotated[
        str, typer.Option(metavar="ID", help="The project that the key opens.")
    ] = DEFAULT_PROJECT_ID,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    admin: Annotated[
        bool, typer.Option("--admin", help="Make a key for the admin API instead.")
    ] = False,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Make a key. It is shown once; of what it is, only a hash is kept."""

    async def work(api: AdminApi) -> NewApiKey:
        if admin:
            return await api.create_admin_key(name=name)
        return await api.create_key(project, name=name)

    made = administer(db, work, may_create=True)
    if as_json:
        print_json(
            {
                "project_id": made.key.project_id,
                "api_key": made.api_key,
                "key_id": made.key.key_id,
                "name": made.key.name,
            }
        )
        return
    if made.key.project_id is not None:
        typer.echo(f"project id  {made.key.project_id}")
    typer.echo(f"{'admin key' if admin else 'key':<10}  {made.api_key}")
    typer.echo("This is the only time that the key is shown.", err=True)


@app.command("list")
def list_keys(
    project: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the keys of this project.")
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """List keys, revoked ones and admin keys too."""

    async def work(api: AdminApi) -> list[ApiKey]:
        return await api.list_keys(project)

    found = administer(db, work)
    if as_json:
        print_json([wire.Key.from_model(key) for key in found])
        return
    print_table(
        ("key id", "project", "name", "begins with", "made", "revoked"),
        [
            (
                key.key_id,
                key.project_id or "(admin)",
                key.name,
                key.hint,
                shown_time(key.created_at),
                shown_time(key.revoked_at),
            )
            for key in found
        ],
        "There are no keys; make one with `hitherto keys create`.",
    )


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id of the key, as `keys list` shows it.")],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Make a key useless, from the next request on."""

    async def work(api: AdminApi) -> ApiKey:
        return await api.revoke_key(key_id)

    revoked = administer(db, work)
    if as_json:
        print_json(wire.Key.from_model(revoked))
    else:
        typer.echo(f"Key {revoked.key_id} ({revoked.hint}...) is revoked.")

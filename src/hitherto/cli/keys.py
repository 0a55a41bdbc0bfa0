"""`hitherto keys`: keys of applications and administrators."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hitherto import wire
from hitherto.admin_api import AdminApi
from hitherto.cli.administration import AsJson, Db, administer
from hitherto.cli.exit_codes import one_line_errors
from hitherto.cli.formatting import shown_time
from hitherto.cli.output import print_json, print_table
from hitherto.cli.secret_output import protect_output, secret_file
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.models import ApiKey, NewApiKey

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke keys.")


@app.command("create")
def create(
    project: Annotated[
        str, typer.Option(metavar="ID", help="The project of the key.")
    ] = DEFAULT_PROJECT_ID,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    admin: Annotated[
        bool, typer.Option("--admin", help="Create a key for the admin API instead.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the key to a new file that only you can read, and do not print it.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Create a key. It is shown once; only its hash is stored."""

    async def work(api: AdminApi) -> NewApiKey:
        if admin:
            return await api.create_admin_key(name=name)
        return await api.create_key(project, name=name)

    with _new_file(out):
        new_key = administer(db, work, may_create=True)
        if out is not None:
            with one_line_errors():
                out.write_text(_key_text(new_key, as_json) + "\n", encoding="utf-8")
            typer.echo(f"The {'admin ' if admin else ''}key {new_key.key.key_id} is in {out}.")
            return
    protect_output()
    typer.echo(_key_text(new_key, as_json))
    if not as_json:
        typer.echo("The key is shown only now; save it.", err=True)


@contextlib.contextmanager
def _new_file(path: Path | None) -> Iterator[None]:
    """Create the file for a key before the key; remove it if no key is created."""
    if path is None:
        yield
        return
    with one_line_errors():
        secret_file(path)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _key_text(new_key: NewApiKey, as_json: bool) -> str:
    """Return the text with the key, or its JSON."""
    if as_json:
        content = {
            "project_id": new_key.key.project_id,
            "api_key": new_key.api_key,
            "key_id": new_key.key.key_id,
            "name": new_key.key.name,
        }
        return json.dumps(content, indent=2)
    if new_key.key.project_id is None:
        return f"admin key   {new_key.api_key}"
    return f"project id  {new_key.key.project_id}\nkey         {new_key.api_key}"


@app.command("list")
def list_keys(
    project: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the keys of this project.")
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """List keys, including revoked keys and admin keys."""

    async def work(api: AdminApi) -> list[ApiKey]:
        return await api.list_keys(project)

    keys = administer(db, work)
    if as_json:
        print_json([wire.Key.from_model(key) for key in keys])
        return
    print_table(
        ("key id", "project", "name", "begins with", "created", "revoked"),
        [
            (
                key.key_id,
                key.project_id or "(admin)",
                key.name,
                key.hint,
                shown_time(key.created_at),
                shown_time(key.revoked_at),
            )
            for key in keys
        ],
        "There are no keys; create one with `hitherto keys create`.",
    )


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id of the key, as `keys list` shows it.")],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Revoke a key, from the next request on."""

    async def work(api: AdminApi) -> ApiKey:
        return await api.revoke_key(key_id)

    revoked = administer(db, work)
    if as_json:
        print_json(wire.Key.from_model(revoked))
    else:
        typer.echo(f"Key {revoked.key_id} ({revoked.hint}...) is revoked.")

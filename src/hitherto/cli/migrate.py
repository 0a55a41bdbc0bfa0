"""`hitherto migrate`: a database's schema brought up to date."""

import asyncio

import typer

from hitherto.cli.administration import Db, require_database
from hitherto.cli.output import one_line_errors, read_settings
from hitherto.store import Store, open_database, shown_address


def migrate(db: Db = None) -> None:
    """Bring a database up to the schema of this release; there is no way back.

    Whatever opens a database does this by itself. Run it to do so at a time of your own, after a
    backup. It is refused while another process, which may be older, has the database open.
    """
    with one_line_errors():
        settings = read_settings(db=db)
        require_database(settings)
        before, after = asyncio.run(_migrate(settings.db))
    shown = shown_address(settings.db)
    if before == after:
        typer.echo(f"{shown} has schema version {after}: nothing to do.")
    else:
        typer.echo(f"{shown} was brought from schema version {before} to {after}.")


async def _migrate(location: str) -> tuple[int, int]:
    store = Store(open_database(location))
    try:
        return await store.open()
    finally:
        await store.close()

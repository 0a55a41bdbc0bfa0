"""`hitherto migrate`: upgrade a database's schema."""

import asyncio

import typer

from hitherto.cli.administration import Db, require_database
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import one_line_errors
from hitherto.store import Store, open_database, shown_address


def migrate(db: Db = None) -> None:
    """Upgrade a database to the schema of this release. A downgrade is not possible.

    Every program that opens a database does this itself. Run the command to choose the time, after
    a backup. It is refused while another process, which may be older, has the database open.
    """
    with one_line_errors():
        settings = read_settings(db=db)
        require_database(settings)
        before, after = asyncio.run(_migrate(settings.db))
    address = shown_address(settings.db)
    if before == after:
        typer.echo(f"{address} has schema version {after}: nothing to do.")
    else:
        typer.echo(f"{address} was upgraded from schema version {before} to {after}.")


async def _migrate(location: str) -> tuple[int, int]:
    store = Store(open_database(location))
    try:
        return await store.open()
    finally:
        await store.close()

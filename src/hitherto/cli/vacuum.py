"""`hitherto vacuum`: rewrite a database without the traces of deleted rows."""

import asyncio

import typer

from hitherto.cli.administration import Db, require_database
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import one_line_errors
from hitherto.store import Store, open_database
from hitherto.store.address import shown_address


def vacuum(db: Db = None) -> None:
    """Rewrite the database, so that its files have no trace of deleted rows.

    A SQLite file needs its own size in free space, and waits for writers. On PostgreSQL each table
    is locked while it is rewritten; its write-ahead log and backups belong to the server.
    """
    with one_line_errors():
        settings = read_settings(db=db)
        require_database(settings)
        holders = asyncio.run(_vacuum(settings.db))
    typer.echo(f"{shown_address(settings.db)} was rewritten.")
    for holder in holders:
        typer.echo(f"Deleted data is still in {holder}.")


async def _vacuum(location: str) -> tuple[str, ...]:
    store = Store(open_database(location))
    try:
        await store.open()
        return await store.vacuum()
    finally:
        await store.close()

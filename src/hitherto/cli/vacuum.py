"""`hitherto vacuum`: a database written anew, without what deleted rows left."""

import asyncio

import typer

from hitherto.cli.administration import Db, require_database
from hitherto.cli.output import one_line_errors, read_settings
from hitherto.store import Store, open_database
from hitherto.store.address import shown_address


def vacuum(db: Db = None) -> None:
    """Write the database anew, so that nothing of what was deleted is left in its files.

    A file needs as much free room again, and waits for whoever writes. On PostgreSQL each table is
    locked while it is written anew; its write-ahead log and backups are the server's.
    """
    with one_line_errors():
        settings = read_settings(db=db)
        require_database(settings)
        kept = asyncio.run(_vacuum(settings.db))
    typer.echo(f"{shown_address(settings.db)} was written anew.")
    for one in kept:
        typer.echo(f"What was deleted still stands in {one}.")


async def _vacuum(location: str) -> tuple[str, ...]:
    store = Store(open_database(location))
    try:
        await store.open()
        return await store.vacuum()
    finally:
        await store.close()

"""Access to a memory for administration, without embedder and worker.

So commands start at once, process nothing, and run while a server has the same file open.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from hitherto.admin_api import AdminApi
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import one_line_errors
from hitherto.embedding import EmbedderIdentity
from hitherto.embedding.embedder import Vectors
from hitherto.engine import DEFAULT_PROJECT_ID, Resources
from hitherto.engine.admin import Admin
from hitherto.engine.webhook_http import Sender
from hitherto.engine.webhook_targets import policy_of
from hitherto.errors import EmbedderError, StoreError
from hitherto.inference import LocalInference
from hitherto.memory_index import IndexCache
from hitherto.settings import Settings
from hitherto.store import Store, is_absent, open_database, shown_address
from hitherto.store.data_folder import make_data_folder

T = TypeVar("T")

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="DATABASE",
        help="Path of a file, or postgresql://... Default: HITHERTO_DB, or your data folder.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def administer(
    db: str | None,
    work: Callable[[AdminApi], Coroutine[Any, Any, T]],
    *,
    may_create: bool = False,
) -> T:
    """Call the admin API of a database; an error is one line and exit code 1.

    may_create: whether the database is made where there is none.
    """
    with one_line_errors():
        settings = read_settings(db=db)
        make_data_folder(settings)
        if not may_create:
            require_database(settings)
        return asyncio.run(_administer(settings, work))


def require_database(settings: Settings) -> None:
    """Raise StoreError where there is no database to work on."""
    if is_absent(settings.db):
        raise StoreError(
            f"there is no database at {shown_address(settings.db)}; `hitherto serve` makes one, "
            "and so does `hitherto keys create`"
        )


async def _administer(settings: Settings, work: Callable[[AdminApi], Coroutine[Any, Any, T]]) -> T:
    store = Store(open_database(settings.db))
    resources = Resources(
        store=store,
        embedder=_NoEmbedder(),
        inference=LocalInference(),
        index_cache=IndexCache(0),
        settings=settings,
        clock=_clock,
        new_id=lambda: str(uuid.uuid4()),
        sender=Sender(policy=policy_of(settings)),
    )
    try:
        await store.open()
        await store.write(
            lambda tx: tx.users(DEFAULT_PROJECT_ID).ensure_project("default", _clock())
        )
        return await work(Admin(resources))
    finally:
        await resources.sender.close()
        await store.close()


class _NoEmbedder:
    """Stands where an embedder would: nothing that administers embeds a text."""

    identity = EmbedderIdentity(name="none", dimension=1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise EmbedderError("no text can be embedded here")

    def embed_query(self, text: str) -> Vectors:
        raise EmbedderError("no text can be embedded here")

    def count_tokens(self, text: str) -> int:
        raise EmbedderError("no tokens can be counted here")


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the clock of the commands

"""`hitherto reembed`: another embedder for a database, while it is served."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from hitherto.background import reembedding
from hitherto.cli.administration import Db, require_database
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import USAGE_EXIT_CODE, one_line_errors
from hitherto.core.recall.calibration import Calibration
from hitherto.embedding import EmbedderIdentity, Embedders, factory_for
from hitherto.settings import Settings
from hitherto.store import RecordedEmbedder, Store, open_database
from hitherto.threads import in_thread


@dataclass(frozen=True, slots=True)
class _Changed:
    """Result of a change. seconds: duration of this run."""

    identity: EmbedderIdentity
    calibration: Calibration
    made: int
    seconds: float


def reembed(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="EMBEDDER",
            help="The new embedder: local, openai:MODEL or ollama:MODEL.",
            show_default=False,
        ),
    ] = None,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel a change that is in progress.")
    ] = False,
    db: Db = None,
) -> None:
    """Change the embedder of a database. Servers keep running while vectors are computed.

    An interrupted run continues when it is started again. A server switches with it if its setting
    HITHERTO_NEXT_EMBEDDER names the new embedder; any other server must be restarted.
    """
    if (to is None) is not cancel:
        typer.echo("hitherto: give either --to EMBEDDER or --cancel", err=True)
        raise typer.Exit(USAGE_EXIT_CODE)
    with one_line_errors():
        settings = read_settings(db=db)
        require_database(settings)
        if to is None:
            _say_cancelled(asyncio.run(_cancel(settings)))
        else:
            _say_changed(asyncio.run(_reembed(settings, to)), to)


async def _cancel(settings: Settings) -> RecordedEmbedder | None:
    store = Store(open_database(settings.db))
    try:
        await store.open()
        return await reembedding.cancel(store)
    finally:
        await store.close()


async def _reembed(settings: Settings, to: str) -> _Changed:
    store = Store(open_database(settings.db))
    try:
        await store.open()
        factory = factory_for(to, settings)
        embedder = await in_thread(Embedders([factory]).first)
        started_s, made = time.monotonic(), 0
        with _bar() as bar:
            task = bar.add_task("embedding", total=None, rate="")
            first: int | None = None

            def show(progress: reembedding.Progress) -> None:
                nonlocal first, made
                if progress.phase is reembedding.Phase.EMBEDDING:
                    first = progress.done if first is None else first
                    made = progress.done - first
                    bar.update(task, completed=progress.done, total=progress.total)
                rate = made / max(time.monotonic() - started_s, 0.001)
                bar.update(task, description=progress.phase.value, rate=f"{rate:,.0f} texts/s")

            calibration = await reembedding.Reembedding(store, embedder, show).run()
        return _Changed(embedder.identity, calibration, made, time.monotonic() - started_s)
    finally:
        await store.close()


def _bar() -> ProgressBar:
    return ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _say_changed(changed: _Changed, to: str) -> None:
    line = changed.calibration
    typer.echo(
        f"The database's embedder is {changed.identity}: {changed.made:,} texts embedded in "
        f"{changed.seconds:,.1f} s."
    )
    typer.echo(
        f"Its cosines count as {line.scale:.3g} times the cosine {line.offset:+.3g} on the scale "
        "of all-minilm-l6-v2."
    )
    typer.echo(f"Set HITHERTO_EMBEDDER={to} for all programs that open this database.")


def _say_cancelled(given_up: RecordedEmbedder | None) -> None:
    if given_up is None:
        typer.echo("No change of the embedder is in progress.")
    else:
        typer.echo(f"The change to {given_up} is cancelled; its vectors are deleted.")

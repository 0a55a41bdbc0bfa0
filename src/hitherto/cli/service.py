"""`hitherto serve` and `hitherto worker`.

Only these two commands import the server: to load FastAPI takes 0.6 s, which the others need not.
"""

import asyncio
import gc
import logging
import shlex
import sys
import traceback
from importlib.metadata import version as installed_version
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer

from hitherto.cli.administration import Db
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import one_line_errors
from hitherto.models import NewApiKey
from hitherto.settings import Settings
from hitherto.store import shown_address

if TYPE_CHECKING:
    from hitherto.server.run import Listening

SWITCH_INTERVAL_S = 0.0003
"""Seconds that a thread computes before others have their turn. With Python's own 5 ms, a request
that changes threads several times waits at each change for each thread that computes."""

_RULE = "-" * 79

COLLECTED_EVERY = 50_000
"""New objects after which the collector looks for cycles. Loading a user's memory makes hundreds of
thousands of objects and no cycle; with Python's own 700 that takes a quarter longer."""


def serve_memory(
    db: Db = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. Default: 127.0.0.1, for this machine only."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on. Default: 8000.")
    ] = None,
    worker: Annotated[
        bool | None,
        typer.Option(
            "--worker/--no-worker",
            help="Whether to process sessions here, too, or to leave that to `hitherto worker`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the memory over HTTP, with a worker in the same process.

    The first start creates a key and shows it if the output is a terminal. All other settings come
    from the environment.
    """
    from hitherto.server.run import serve  # noqa: PLC0415
    from hitherto.server.stop_guard import stop_guard, stop_time_s  # noqa: PLC0415

    with one_line_errors():
        settings = read_settings(db=db, host=host, port=port, worker=worker)
        _set_up_logging(settings)
        gc.set_threshold(COLLECTED_EVERY)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        with stop_guard(stop_time_s(settings)):
            # What is no terminal is a log, which others read and which is kept.
            asyncio.run(
                serve(
                    settings,
                    lambda listening: _announce(listening, db),
                    make_first_key=sys.stdout.isatty(),
                )
            )
    typer.echo("Stopped.")


def run_worker(
    db: Db = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Sessions of different users of a project in work at once. Default: 8 with a "
            "model, else 1.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Turn sessions into memories and send webhooks, for servers on the same database.

    Any number of workers may run; each session is processed by one. When stopped, a worker finishes
    its work, or returns it untried after HITHERTO_CLOSE_TIMEOUT_S.
    """
    from hitherto.server.stop_guard import stop_guard, stop_time_s  # noqa: PLC0415
    from hitherto.server.worker_process import work  # noqa: PLC0415

    with one_line_errors():
        settings = read_settings(db=db, worker_concurrency=concurrency)
        _set_up_logging(settings)
        gc.set_threshold(COLLECTED_EVERY)
        with stop_guard(stop_time_s(settings)):
            asyncio.run(work(settings, _announce_work))
    typer.echo("Stopped.")


def _announce_work(location: str) -> None:
    version = installed_version("hitherto")
    typer.echo(f"Hitherto {version} works on {location}")
    typer.echo("Stop with Ctrl+C.")


def _announce(listening: "Listening", db: str | None) -> None:
    version = installed_version("hitherto")
    typer.echo(f"Hitherto {version} listens on {listening.url}")
    typer.echo(f"The memory is {listening.db}")
    if listening.first_key is None:
        option = "" if db is None else f" --db {shlex.quote(shown_address(db))}"
        typer.echo(f"Create a key with: hitherto keys create{option}")
    else:
        _show_first_key(listening.first_key, listening.url)
    if not listening.is_loopback:
        typer.echo(
            "warning: other machines can reach this address, and without TLS keys and messages "
            "are sent unencrypted; put a proxy with TLS in front",
            err=True,
        )
    typer.echo("Stop with Ctrl+C.")


def _show_first_key(new_key: NewApiKey, url: str) -> None:
    typer.echo(
        f"""
{_RULE}
No project had a key, so this key was created. It is shown only now: save it.

    project id  {new_key.key.project_id}
    key         {new_key.api_key}

With the released client (pip install recallrai):

    from recallrai import RecallrAI

    client = RecallrAI(
        api_key="{new_key.api_key}",
        project_id="{new_key.key.project_id}",
        base_url="{url}",
    )
{_RULE}
"""
    )


class PrivateFormatter(logging.Formatter):
    """Log formatter that shows type and place of an error, never its text.

    The text of an unforeseen error may quote what users said.
    """

    def formatException(  # noqa: N802  the name is logging's
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the stack of an error and of its causes, the first cause first."""
        lines: list[str] = []
        error: BaseException | None = ei[1]
        while error is not None:
            kind = f"{type(error).__module__}.{type(error).__qualname__}\n"
            lines = [*traceback.format_tb(error.__traceback__), kind, *lines]
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()


def _set_up_logging(settings: Settings) -> None:
    log = logging.StreamHandler()
    log.setFormatter(PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[log], level=logging.WARNING)
    if settings.log_requests:
        logging.getLogger("hitherto.requests").setLevel(logging.INFO)

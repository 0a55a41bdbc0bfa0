"""Serves the real app on a free port, in a thread of its own, with a clock that tests can turn."""

import asyncio
import inspect
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from tests.conftest import START
from tests.fakes import HashEmbedder
from tests.statement_models import PlainModel

from hitherto import Parts, Settings
from hitherto.server import create_app
from hitherto.system import open_system

QUICK = Settings(poll_interval_s=0.02, retry_delay_s=0, lease_s=5, close_timeout_s=2)
"""Settings with which nothing waits."""


class SharedClock:
    """The clock of `tests.conftest` for several threads: never the same instant twice."""

    def __init__(self) -> None:
        self._now = START
        self._turning = threading.Lock()

    def __call__(self) -> datetime:
        with self._turning:
            self._now += timedelta(milliseconds=1)
            return self._now

    def advance(self, seconds: float) -> None:
        """Let this much time pass."""
        with self._turning:
            self._now += timedelta(seconds=seconds)


class OnLoop:
    """Calls the async methods of an object of another thread's event loop, and waits for them."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            result = found(*arguments, **named)
            if not inspect.isawaitable(result):
                return result
            return asyncio.run_coroutine_threadsafe(_awaited(result), self._loop).result(20)

        return call


async def _awaited(value: Any) -> Any:
    return await value


@dataclass(frozen=True, slots=True)
class Service:
    """A running server.

    base_url: without `/api/v1`. admin: the AdminApi, each method called and waited for as a plain
    function. system: what `open_system` gave; its methods belong to the server's loop.
    """

    base_url: str
    clock: SharedClock
    admin: Any
    system: Any
    loop: asyncio.AbstractEventLoop

    def project(self, name: str = "checks") -> "Credentials":
        """Make a project with a key of its own."""
        project = self.admin.create_project(name)
        made = self.admin.create_key(project.project_id)
        return Credentials(self.base_url, made.api_key, project.project_id)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to know to reach a project."""

    base_url: str
    api_key: str
    project_id: str

    @property
    def headers(self) -> dict[str, str]:
        """The two headers that authenticate a request."""
        return {"X-Recallr-Api-Key": self.api_key, "X-Recallr-Project-Id": self.project_id}


@contextmanager
def serving(
    path: Path,
    *,
    settings: Settings = QUICK,
    parts: Parts | None = None,
    clock: SharedClock | None = None,
) -> Iterator[Service]:
    """Serve the memory in a file as long as the context lasts.

    parts: what is not given is a HashEmbedder and the shared clock.
    """
    turned = SharedClock() if clock is None else clock
    given = Parts() if parts is None else parts
    chosen = Parts(
        embedder=HashEmbedder() if given.embedder is None else given.embedder,
        inference=given.inference,
        clock=given.clock or turned,
        new_id=given.new_id,
        webhook_transport=given.webhook_transport,
        statement_model=given.statement_model or PlainModel(),
    )
    opened: Future[tuple[Service, uvicorn.Server]] = Future()
    thread = threading.Thread(
        target=_serve, args=(opened, path, settings, chosen, turned), name="served", daemon=True
    )
    thread.start()
    service, server = opened.result(60)
    try:
        yield service
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


def _serve(
    opened: "Future[tuple[Service, uvicorn.Server]]",
    path: Path,
    settings: Settings,
    parts: Parts,
    clock: SharedClock,
) -> None:
    try:
        asyncio.run(_run(opened, path, settings, parts, clock))
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)


async def _run(
    opened: "Future[tuple[Service, uvicorn.Server]]",
    path: Path,
    settings: Settings,
    parts: Parts,
    clock: SharedClock,
) -> None:
    system = await open_system(path, settings, parts)
    try:
        # With the protocol named, asyncio switches off the delay that waits for full packets.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(system, settings),
                ws="none",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        loop = asyncio.get_running_loop()
        port = listening.getsockname()[1]
        serving_task = loop.create_task(server.serve(sockets=[listening]))
        while not server.started and not serving_task.done():  # noqa: ASYNC110  only a flag says so
            await asyncio.sleep(0.005)
        if server.started:
            admin = OnLoop(system.admin, loop)
            service = Service(f"http://127.0.0.1:{port}", clock, admin, system, loop)
            opened.set_result((service, server))
        await serving_task
    finally:
        await system.close()

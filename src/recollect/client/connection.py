"""From a client object to the API that serves it: on the caller's loop, or on one of our own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from recollect.api import MemoryApi
from recollect.client import embedded
from recollect.errors import ClosedError, UnavailableError
from recollect.settings import Settings

T = TypeVar("T")

CLOSED = "the client was closed; open a new one"


class AsyncConnection:
    """Serves an async client on the event loop of its first call."""

    def __init__(
        self, location: str | Path, settings: Settings | None, parts: embedded.Parts | None
    ) -> None:
        self._location = location
        self._settings = settings
        self._parts = parts
        self._opening = asyncio.Lock()
        self._api: MemoryApi | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def open(self) -> MemoryApi:
        """Open the memory unless it is open. Raises what opening raises, and ClosedError."""
        if self._closed:
            raise ClosedError(CLOSED)
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            raise UnavailableError(
                "the client was opened on another event loop; open one client per loop, "
                "or use Recollect, which every thread may call"
            )
        async with self._opening:
            if self._closed:
                raise ClosedError(CLOSED)
            if self._api is None:
                self._api = await embedded.open_api(self._location, self._settings, self._parts)
                self._loop = loop
        return self._api

    async def call(self, call: Callable[[MemoryApi], Coroutine[Any, Any, T]]) -> T:
        """Make a call of the API, opening it first if need be."""
        return await call(await self.open())

    async def close(self) -> None:
        """Close the API; calling it again does nothing."""
        self._closed = True
        async with self._opening:
            api, self._api = self._api, None
        if api is not None:
            await api.close()


class Connection:
    """Serves a sync client: one event loop in a thread of its own, as long as the client lives.

    Every thread may call it, also one in which an event loop is running. The thread is a daemon, so
    a program that forgets to close its client still ends; what was in work is then taken up by the
    next one, as after a crash.
    """

    def __init__(
        self, location: str | Path, settings: Settings | None, parts: embedded.Parts | None
    ) -> None:
        self._closing = threading.Lock()
        opened: Future[_Serving] = Future()
        self._thread = threading.Thread(
            target=_serve, args=(opened, location, settings, parts), name="recollect", daemon=True
        )
        self._thread.start()
        try:
            self._serving: _Serving | None = opened.result()
        finally:
            if opened.done() and opened.exception() is not None:
                self._thread.join()

    def open(self) -> MemoryApi:
        """The API, which is open from the start. Raises ClosedError."""
        return self._required().api

    def call(self, call: Callable[[MemoryApi], Coroutine[Any, Any, T]]) -> T:
        """Make a call of the API on its loop and wait for the answer."""
        serving = self._required()
        return asyncio.run_coroutine_threadsafe(call(serving.api), serving.loop).result()

    def close(self) -> None:
        """Close the API and end the thread; calling it again does nothing."""
        with self._closing:
            serving, self._serving = self._serving, None
            if serving is None:
                return
            try:
                asyncio.run_coroutine_threadsafe(serving.api.close(), serving.loop).result()
            finally:
                serving.loop.call_soon_threadsafe(serving.closed.set)
                self._thread.join()

    def _required(self) -> "_Serving":
        if self._serving is None:
            raise ClosedError(CLOSED)
        return self._serving


@dataclass(frozen=True, slots=True)
class _Serving:
    api: MemoryApi
    loop: asyncio.AbstractEventLoop
    closed: asyncio.Event


def _serve(
    opened: "Future[_Serving]",
    location: str | Path,
    settings: Settings | None,
    parts: embedded.Parts | None,
) -> None:
    """Open a memory on a new event loop, hand it over, and keep the loop until it is closed."""

    async def serve() -> None:
        try:
            api = await embedded.open_api(location, settings, parts)
        except BaseException as error:  # noqa: BLE001  raised where the client is made
            opened.set_exception(error)
            return
        closed = asyncio.Event()
        opened.set_result(_Serving(api, asyncio.get_running_loop(), closed))
        await closed.wait()

    asyncio.run(serve())

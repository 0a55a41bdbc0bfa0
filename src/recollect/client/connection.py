"""From a client object to the API that serves it: on the caller's loop, or on one of our own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

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
            if self._api is None:
                self._api = await embedded.open_api(self._location, self._settings, self._parts)
                self._loop = loop
        return self._api

    async def call(self, call: Callable[[MemoryApi], Awaitable[T]]) -> T:
        """Make a call of the API, opening it first if need be."""
        return await call(await self.open())

    async def close(self) -> None:
        """Close the API; calling it again does nothing."""
        self._closed = True
        api, self._api = self._api, None
        if api is not None:
            await api.close()


class Connection:
    """Serves a sync client: one event loop in a thread of its own, as long as the client lives.

    Every thread may call it, also one in which an event loop is running.
    """

    def __init__(
        self, location: str | Path, settings: Settings | None, parts: embedded.Parts | None
    ) -> None:
        self._closing = threading.Lock()
        self._running: AbstractContextManager[BlockingPortal] = start_blocking_portal()
        self._portal: BlockingPortal | None = self._running.__enter__()
        try:
            self._api: MemoryApi = self._portal.call(embedded.open_api, location, settings, parts)
        except BaseException:
            self._running.__exit__(None, None, None)
            raise

    def open(self) -> MemoryApi:
        """The API, which is open from the start. Raises ClosedError."""
        if self._portal is None:
            raise ClosedError(CLOSED)
        return self._api

    def call(self, call: Callable[[MemoryApi], Awaitable[T]]) -> T:
        """Make a call of the API on its loop and wait for the answer."""
        portal = self._portal
        if portal is None:
            raise ClosedError(CLOSED)
        return portal.call(call, self._api)

    def close(self) -> None:
        """Close the API and end the thread; calling it again does nothing."""
        with self._closing:
            portal, self._portal = self._portal, None
            if portal is None:
                return
            try:
                portal.call(self._api.close)
            finally:
                self._running.__exit__(None, None, None)

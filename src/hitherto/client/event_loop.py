"""Calls of client objects, on the event loop of the caller or one of their own."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from hitherto.api import MemoryApi
from hitherto.client.location import MemoryLocation
from hitherto.errors import ClosedError, UnavailableError

T = TypeVar("T")

CLOSED = "the client was closed; open a new one"


class AsyncConnection:
    """Serves an async client on the event loop of its first call."""

    def __init__(self, location: MemoryLocation) -> None:
        self._location = location
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
                "or use Hitherto, which every thread may call"
            )
        async with self._opening:
            if self._closed:
                raise ClosedError(CLOSED)
            if self._api is None:
                self._api = await self._location.open()
                self._loop = loop
        return self._api

    async def call(self, call: Callable[[MemoryApi], Coroutine[Any, Any, T]]) -> T:
        """Make a call of the API, opening it first if need be."""
        return await call(await self.open())

    async def stream(
        self, call: Callable[[MemoryApi], AsyncGenerator[T, None]]
    ) -> AsyncGenerator[T, None]:
        """Make a call of the API that yields its answer in parts; closing it stops it."""
        async with aclosing(call(await self.open())) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close the API; calling it again does nothing."""
        self._closed = True
        async with self._opening:
            api, self._api = self._api, None
        if api is not None:
            await api.close()


class Connection:
    """Event loop of a sync client, in a thread of its own.

    Any thread may call it, even one with a running event loop. The thread is a daemon, so a program
    that forgets to close its client still ends; the next process takes over sessions in work, as
    after a crash.
    """

    def __init__(self, location: MemoryLocation) -> None:
        self._closing = threading.Lock()
        opened: Future[_Serving] = Future()
        self._thread = threading.Thread(
            target=_serve, args=(opened, location), name="hitherto", daemon=True
        )
        self._thread.start()
        try:
            self._serving: _Serving | None = opened.result()
        finally:
            if opened.done() and opened.exception() is not None:
                self._thread.join()

    def open(self) -> MemoryApi:
        """Return the API, which is open from the start. Raises ClosedError."""
        return self._require_open().api

    def call(self, call: Callable[[MemoryApi], Coroutine[Any, Any, T]]) -> T:
        """Make a call of the API on its loop and wait for the answer."""
        return _result(self._start(call))

    def stream(
        self, call: Callable[[MemoryApi], AsyncGenerator[T, None]]
    ) -> Generator[T, None, None]:
        """Make a call of the API that answers piece by piece; closing it stops the work.

        The pieces are made by one task from first to last, which does not wait for the caller.
        """
        arrived: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()

        async def work(api: MemoryApi) -> None:
            async with aclosing(call(api)) as pieces:
                async for piece in pieces:
                    arrived.put((piece,))

        future = self._start(work)
        future.add_done_callback(lambda _: arrived.put(None))
        ended = False
        try:
            while (piece := arrived.get()) is not None:
                yield piece[0]
            ended = True
            _result(future)
        finally:
            if not ended:
                future.cancel()

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

    def _start(self, call: Callable[[MemoryApi], Coroutine[Any, Any, T]]) -> "Future[T]":
        """Hand a call to the loop, which `close()` cannot end in between."""
        with self._closing:
            serving = self._require_open()
            return asyncio.run_coroutine_threadsafe(call(serving.api), serving.loop)

    def _require_open(self) -> "_Serving":
        if self._serving is None:
            raise ClosedError(CLOSED)
        return self._serving


@dataclass(frozen=True, slots=True)
class _Serving:
    api: MemoryApi
    loop: asyncio.AbstractEventLoop
    closed: asyncio.Event


def _result(future: "Future[T]") -> T:
    """Return the result of a call. Raises ClosedError if `close()` in another thread ended it."""
    try:
        return future.result()
    except CancelledError:
        raise ClosedError(CLOSED) from None


def _serve(opened: "Future[_Serving]", location: MemoryLocation) -> None:
    """Open a memory on a new event loop and run the loop until it is closed."""

    async def serve() -> None:
        try:
            api = await location.open()
        except BaseException as error:  # noqa: BLE001  raised where the client is made
            opened.set_exception(error)
            return
        closed = asyncio.Event()
        opened.set_result(_Serving(api, asyncio.get_running_loop(), closed))
        await closed.wait()

    asyncio.run(serve())

"""Threads for computations and blocking calls, separate for requests and background work.

A flood of one kind does not use up the threads of the other. Threads of background work end with
the process, so a computation that does not end keeps no process alive.
"""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_background: contextvars.ContextVar["BackgroundThreads | None"] = contextvars.ContextVar(
    "hitherto_background", default=None
)

_meter: contextvars.ContextVar["Meter | None"] = contextvars.ContextVar(
    "hitherto_meter", default=None
)


class Meter(Protocol):
    """Measures processor time. Its methods are called on any thread."""

    def add(self, seconds: float) -> None:
        """Add the processor time of a call."""
        ...

    def is_crowded(self) -> bool:
        """Return whether others need the processors."""
        ...


class BackgroundThreads:
    """Threads of one background task, a new one for each call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._running: set[Future[Any]] = set()

    def enter(self) -> None:
        """Let the current task, and tasks that it starts, use these threads."""
        _background.set(self)

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Begin a call on a thread of its own."""
        future: Future[T] = Future()
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        thread = threading.Thread(target=_run, args=(future, call), name=self._name, daemon=True)
        thread.start()
        return future

    @property
    def running(self) -> int:
        """Calls that have not ended, whether or not a task waits for them."""
        return len(self._running)

    async def join(self) -> None:
        """Wait for calls whose waiting tasks were cancelled."""
        futures = [asyncio.wrap_future(future) for future in self._running]
        if futures:
            await asyncio.wait(futures)


async def in_thread(call: Callable[..., T], *arguments: object) -> T:
    """Run a function on a background task's own thread, or else on one of asyncio's."""
    threads = _background.get()
    run = measured(call)
    if threads is None:
        return await asyncio.to_thread(run, *arguments)
    context = contextvars.copy_context()
    return await asyncio.wrap_future(threads.submit(partial(context.run, run, *arguments)))


@contextlib.contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Measure the calls that the block runs on threads.

    What such a call leaves to further threads is measured if it passes them `measured` functions.
    """
    token = _meter.set(meter)
    try:
        yield
    finally:
        _meter.reset(token)


def measured(call: Callable[P, T]) -> Callable[P, T]:
    """Return the function such that its processor time is added to the meter in force."""
    meter = _meter.get()
    if meter is None:
        return call

    def run(*arguments: P.args, **keywords: P.kwargs) -> T:
        started = time.thread_time()
        try:
            return call(*arguments, **keywords)
        finally:
            meter.add(time.thread_time() - started)

    return run


def is_crowded() -> bool:
    """Return whether others need the processors while the current task or thread computes."""
    meter = _meter.get()
    return meter is not None and meter.is_crowded()


def is_background() -> bool:
    """Return whether the current task does background work."""
    return _background.get() is not None


def _run(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001  raised where the call is awaited
        future.set_exception(error)
    else:
        future.set_result(result)

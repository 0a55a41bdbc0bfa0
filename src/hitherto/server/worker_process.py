"""Worker in a process of its own, for servers that leave processing to it."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from hitherto.settings import Settings
from hitherto.store import shown_address
from hitherto.store.data_folder import make_data_folder
from hitherto.system import Parts, open_system


async def work(
    settings: Settings, announce: Callable[[str], None], parts: Parts | None = None
) -> None:
    """Process sessions and send webhooks until SIGTERM or SIGINT, then finish the current work.

    announce: called once with the database's name, when work has begun. Raises what opening the
    memory raises.
    """
    make_data_folder(settings)
    with _stop_signals() as stop:
        chosen = settings.model_copy(update={"worker": True})
        system = await open_system(settings.db, chosen, parts)
        try:
            if not stop.is_set():
                announce(shown_address(settings.db))
            await stop.wait()
        finally:
            await system.close()


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set, instead of ending the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (
        (signal.SIGTERM, signal.SIGINT)
        if threading.current_thread() is threading.main_thread()
        else ()
    )

    def note(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    # Not the loop's own handlers, which would take the descriptor of the stop guard.
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

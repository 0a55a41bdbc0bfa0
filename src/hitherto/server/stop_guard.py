"""Ends a process that a stop signal does not end in time.

Python runs handlers of signals between two of its own instructions. A thread that stays in C code
with the interpreter lock, as a slow regular expression does, keeps them from running; no other
thread can help. So a small process of its own watches: the part of a handler that is in C writes
the signal's number to a pipe at once, whatever the interpreter does.
"""

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from hitherto.errors import RecallrAIError
from hitherto.settings import Settings

MARGIN_S = 3.0
"""Seconds for what follows the work: closing connections, the database, and the interpreter."""

_WATCHER = Path(__file__).with_name("stop_watcher.py")
_STDERR = 2


def stop_time_s(settings: Settings) -> float:
    """Return how long a process of ours may take to end after a stop signal."""
    return max(settings.close_timeout_s, float(settings.shutdown_timeout_s)) + MARGIN_S


@contextlib.contextmanager
def stop_guard(timeout_s: float) -> Iterator[None]:
    """Let SIGTERM and SIGINT end this process in time, whatever its threads do.

    When the time is over, the stacks of all threads are written to standard error and the process
    is killed. The guard stays until the process ends, unless the block raises an error of ours.
    Does nothing where signals cannot be watched: on Windows, and outside the main thread.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if sys.platform == "win32" or not is_main:
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    command = [sys.executable, "-I", "-S", str(_WATCHER), str(os.getpid()), str(timeout_s)]
    # In a session of its own, so that Ctrl+C in a terminal does not reach it.
    watcher = subprocess.Popen(command, stdin=reading, start_new_session=True)
    os.close(reading)
    # Written by C code, without the interpreter lock.
    faulthandler.register(signal.SIGUSR2, file=_STDERR, all_threads=True)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    except RecallrAIError:
        signal.set_wakeup_fd(before)
        faulthandler.unregister(signal.SIGUSR2)
        os.close(writing)
        watcher.wait()
        raise

"""Program that kills a process which a stop signal does not end in time (see `stop_guard`).

`python stop_watcher.py PID SECONDS`: standard input gets the number of each signal that the process
receives, and ends with the process. It imports nothing of ours, so that it starts at once.
"""

import os
import select
import signal
import sys
import time

_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
_DUMP_S = 1.0
"""Seconds for writing the stacks."""


def main() -> None:
    """Wait for a stop signal, then for the end of the process."""
    pid, timeout_s = int(sys.argv[1]), float(sys.argv[2])
    for number in _STOP:
        # A service manager may send it to every process of the service.
        signal.signal(number, signal.SIG_IGN)
    if not _wait_for_signal() or _has_ended_after(timeout_s):
        return
    sys.stderr.write(
        f"Process {pid} has not ended {timeout_s:g} s after a stop signal: it is killed. "
        "What its threads do:\n"
    )
    sys.stderr.flush()
    for number, pause_s in ((signal.SIGUSR2, _DUMP_S), (signal.SIGKILL, 0.0)):
        # Once it has ended, its number may be another process's.
        if os.getppid() == pid:
            os.kill(pid, number)
        if _has_ended_after(pause_s):
            return


def _wait_for_signal() -> bool:
    """Return whether a stop signal came before the end of the process."""
    while received := os.read(0, 64):
        if _STOP.intersection(received):
            return True
    return False


def _has_ended_after(seconds: float) -> bool:
    """Return whether the process ends within a time."""
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0:
        if select.select([0], [], [], left_s)[0] and not os.read(0, 64):
            return True
    return False


if __name__ == "__main__":
    main()

"""Programs of tests, forked from a process that has imported what they need.

To start Python and to import the service takes seconds of work, to fork it a few milliseconds. A
program is a module with a function `main`, as `python -m` would run it. It ends as one that was
started does, with its threads and its exit code.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]


class Program:
    """A running program: what `subprocess.Popen` is for one that was started.

    stdin, stdout: pipes. Its number is no other process's before `close`.
    """

    def __init__(self, control: socket.socket, stdin: IO[str], stdout: IO[str]) -> None:
        self.stdin, self.stdout = stdin, stdout
        self.returncode: int | None = None
        self._control = control
        self._reports = control.makefile()
        self.pid = int(self._reports.readline())

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout_s: float) -> int:
        """The exit code, as of `subprocess.Popen`. Raises TimeoutError."""
        if self.returncode is None:
            self._control.settimeout(timeout_s)
            self.returncode = int(self._reports.readline())
        return self.returncode

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self.kill()
        self.wait(20)
        for opened in (self.stdin, self.stdout, self._reports, self._control):
            with contextlib.suppress(BrokenPipeError):
                opened.close()


class Programs:
    """Starts programs from a process that keeps what earlier ones have imported."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                # A process with threads at work could not be forked safely.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # noqa: TID251  it passes it on
            )

    @contextlib.contextmanager
    def running(self, module: str, *arguments: str, log: Path) -> Iterator[Program]:
        """Run a program until the end of the block. log: where its standard error goes."""
        ours, theirs = socket.socketpair()
        input_end, stdin = os.pipe()
        stdout, output_end = os.pipe()
        with log.open("w") as errors:
            socket.send_fds(
                self._control,
                [json.dumps([module, *arguments]).encode()],
                [theirs.fileno(), input_end, output_end, errors.fileno()],
            )
        theirs.close()
        os.close(input_end)
        os.close(output_end)
        program = Program(ours, os.fdopen(stdin, "w"), os.fdopen(stdout))
        try:
            yield program
        finally:
            program.close()

    def close(self) -> None:
        self._control.close()
        self._process.wait(20)


def _serve(requests: socket.socket) -> Callable[[], object] | None:
    """Fork for each request. Returns in the fork too, with what it is to run."""
    # What waits for a program is of no interest when it ends.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, 65_536, 4)
        if not request:
            return None
        control, *streams = descriptors
        module, *arguments = json.loads(request)
        run = importlib.import_module(module).main
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            with socket.socket(fileno=control) as told:
                _wait_for_fork(told, streams)
            sys.argv = [module, *arguments]
            return run
        for opened in descriptors:
            os.close(opened)


def _wait_for_fork(control: socket.socket, streams: list[int]) -> None:
    """Fork once more and report how the fork ends. Returns in the fork alone."""
    pid = os.fork()
    if pid == 0:
        for number, opened in enumerate(streams):
            os.dup2(opened, number)
            os.close(opened)
        return
    for opened in (0, 1, 2, *streams):
        os.close(opened)
    with contextlib.suppress(BrokenPipeError):
        control.sendall(f"{pid}\n".encode())
        # Not reaped before its number is needed no longer.
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        code = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        control.sendall(f"{code}\n".encode())
        control.recv(1)
    os._exit(0)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as controlling:
        main = _serve(controlling)
    if main is not None:
        main()

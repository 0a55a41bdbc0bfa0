"""Runs programs under watch, in a home of their own, and says what they did beyond their task.

Four watchers, each of which sees what the others cannot:

- The file system, afterwards. Everywhere. It sees each file that is left in the home, in the
  folder for temporary files and in the working folder, whoever wrote it. It does not see what was
  removed again, nor anything outside of these folders.
- An audit hook in each Python process (`watched/sitecustomize.py`). Everywhere. It sees what Python
  code opens for writing, connects to, resolves and starts, wherever. It does not see native code.
- A seccomp filter in each process (same file). Linux on x86-64 and AArch64. It sees each internet
  socket that native code opens, and ends the process. It does not see files.
- strace, where it is installed and may trace. It sees each system call: files that native code
  writes and removes again, wherever, and addresses.
"""

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HITHERTO = Path(sys.executable).with_name("hitherto")
TIMEOUT_S = 120

Network = Literal["none", "listen", "connect", "any"]
Address = tuple[str, int]

TRACED = (
    "%network,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,"
    "link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,truncate,chmod,fchmodat,utimensat"
)
DEVICES = {"/dev/null", "/dev/tty"}
LOOPBACK = {"127.0.0.1", "::1"}


@functools.cache
def strace() -> str | None:
    """The path of strace; None where it is not installed or may not trace."""
    found = shutil.which("strace")
    if found is None:
        return None
    tried = subprocess.run(
        [found, "-o", os.devnull, "-e", "trace=none", "true"], capture_output=True, check=False
    )
    return found if tried.returncode == 0 else None


def missing_watchers() -> Iterator[str]:
    """What the tests of this folder cannot see on this machine."""
    if strace() is None:
        yield "no strace that may trace: files that native code writes and removes are not seen"
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "watched")
        tried = home.start([sys.executable, "-c", ""])
        tried.finish()
        if "seccomp" not in tried.watchers():
            yield "no seccomp filter: sockets of native code are seen by strace alone"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a program has been asked to do.

    network: kinds of sockets. addresses: what it may connect to. files: beside data and cache.
    temporary: whether it may use the folder for temporary files, which it has to leave empty.
    programs: what it may start.
    """

    network: Network = "none"
    addresses: frozenset[Address] = frozenset()
    files: tuple[Path, ...] = ()
    temporary: bool = False
    programs: frozenset[str] = frozenset()


NOTHING = Allowed()


@dataclass(frozen=True, slots=True)
class Home:
    """Folders of one user who has nothing else."""

    folder: Path

    def __post_init__(self) -> None:
        for each in (self.path, self.temporary, self.working):
            each.mkdir(parents=True)

    @property
    def path(self) -> Path:
        """The user's home."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Where temporary files go."""
        return self.folder / "temporary"

    @property
    def working(self) -> Path:
        """The working folder of programs."""
        return self.folder / "working"

    @property
    def data(self) -> Path:
        """Hitherto's data folder on this system."""
        return self._own(platformdirs.user_data_path)

    @property
    def cache(self) -> Path:
        """Hitherto's cache folder on this system."""
        return self._own(platformdirs.user_cache_path)

    def _own(self, path_of: Any) -> Path:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("HOME", str(self.path))
            for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
                environment.delenv(name, raising=False)
            found: Path = path_of("hitherto")
        return found

    def start(
        self,
        command: Sequence[object],
        allowed: Allowed = NOTHING,
        environment: Mapping[str, str] | None = None,
    ) -> "Watched":
        """Start a program under all watchers that there are."""
        records = Path(tempfile.mkdtemp(dir=self.folder, prefix="records-"))
        full = [str(part) for part in command]
        if (tracer := strace()) is not None:
            trace = ["-ff", "-qq", "-y", "-s", "4096", "-o", records / "trace", "-e"]
            full = [str(part) for part in (tracer, *trace, f"trace={TRACED}", *full)]
        variables = {
            "HOME": str(self.path),
            "TMPDIR": str(self.temporary),
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join((str(HERE / "watched"), str(ROOT))),
            # Python's own cache of compiled modules is not what this is about.
            "PYTHONDONTWRITEBYTECODE": "1",
            "WATCH_NETWORK": allowed.network,
            "WATCH_REPORT": str(records / "report"),
            **(environment or {}),
        }
        process = subprocess.Popen(
            full,
            cwd=self.working,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Watched(self, process, records, allowed)


@dataclass(slots=True)
class Watched:
    """A program under watch. errors: what it wrote to standard error, once it has ended."""

    home: Home
    process: "subprocess.Popen[str]"
    records: Path
    allowed: Allowed
    errors: str = ""

    def line(self, pattern: str) -> str:
        """Read the output up to a line that matches, and return its first group."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(pattern, line):
                return found[1]
        self.finish()
        raise AssertionError(f"the program ended without {pattern}:\n{self.errors}")

    def stop(self) -> None:
        """Send the program SIGTERM; past strace, which would take it for itself."""
        if strace() is None:
            self.process.terminate()
            return
        pids = [values[0] for _, event, *values in self._reports() if event == "pid"]
        # Numbers of processes are given again: this one must still be the program's.
        environment = Path(f"/proc/{pids[0]}/environ").read_bytes()
        assert str(self.records).encode() in environment, "the program has ended by itself"
        os.kill(pids[0], signal.SIGTERM)

    def finish(self) -> str:
        """Wait for the program's end; returns the rest of its output."""
        try:
            output, self.errors = self.process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return output

    def findings(self) -> list[str]:
        """What the program did beyond its task, each once; call it after `finish`."""
        found = [*self._ending(), *self._reported(), *self._traced(), *self._left()]
        return list(dict.fromkeys(found))

    def watchers(self) -> set[str]:
        """The watchers that were at work."""
        here = {event for kind, event, *on in self._reports() if kind == "watcher" and on[0]}
        return (here & {"audit", "seccomp"}) | {"files"} | ({"strace"} if strace() else set())

    def _reports(self) -> list[list[Any]]:
        lines = (self.records / "report").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _ending(self) -> Iterator[str]:
        if self.process.returncode == -signal.SIGSYS:
            yield f"seccomp: a socket or a connection that was not asked for\n{self.errors}"
        elif self.process.returncode:
            yield f"it ended with {self.process.returncode}:\n{self.errors}"

    def _reported(self) -> Iterator[str]:
        for kind, event, *values in self._reports():
            allowed = kind == "watcher"
            if kind == "file":
                allowed = self._may_write(values[0])
            elif kind == "process":
                allowed = values[0] in self.allowed.programs
            elif kind == "network":
                allowed = self._may_reach(event, values)
            if not allowed:
                yield f"audit: {event} {values}"

    def _may_reach(self, event: str, values: Sequence[Any]) -> bool:
        target = values[0] if isinstance(values[0], list) else values
        host, port = target[0], target[1] if len(target) > 1 else 0
        if self.allowed.network == "listen":
            return event in {"socket.bind", "socket.getaddrinfo"} and host in LOOPBACK
        addresses = {(name, str(number)) for name, number in self.allowed.addresses}
        return (str(host), str(port)) in addresses

    def _may_write(self, path: str) -> bool:
        folders = [self.home.data, self.home.cache, *self.allowed.files]
        if self.allowed.temporary:
            folders.append(self.home.temporary)
        if path in DEVICES or any(Path(path).is_relative_to(folder) for folder in folders):
            return True
        # The folders above have to be made; nothing else may be in them.
        return any(folder.is_relative_to(path) for folder in (self.home.data, self.home.cache))

    def _traced(self) -> Iterator[str]:
        own = str(self.records)
        for trace in sorted(self.records.glob("trace.*")):
            for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
                call, _, rest = line.partition("(")
                if call in {"open", "openat", "openat2", "creat"} and not _writes(call, rest):
                    continue
                if call in {"connect", "sendto", "sendmsg", "sendmmsg", "bind"}:
                    yield from self._traced_address(call, rest)
                elif call not in _SOCKET_CALLS:
                    for path in _paths(rest, self.home.working):
                        if not path.startswith(own) and not self._may_write(path):
                            yield f"strace: {call} {path}"

    def _traced_address(self, call: str, rest: str) -> Iterator[str]:
        for port, host in _ADDRESS.findall(rest):
            event = f"socket.{call}"
            if not self._may_reach(event, [host, int(port)]):
                yield f"strace: {call} {host}:{port}"

    def _left(self) -> Iterator[str]:
        for top in (self.home.path, self.home.temporary, self.home.working):
            for path in sorted(top.rglob("*")):
                if path.is_relative_to(self.home.temporary) or not self._may_write(str(path)):
                    yield f"files: {path.relative_to(self.home.folder)} was left"


_SOCKET_CALLS = {
    "accept", "accept4", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmmsg", "recvmsg", "setsockopt", "shutdown", "socket", "socketpair",
}  # fmt: skip
_ADDRESS = re.compile(
    r"sa_family=AF_INET6?, sin6?_port=htons\((\d+)\),[^}]*?"
    r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"'
)
_PATH = re.compile(r'(?:<((?:[^<>"])*)>, )?"((?:[^"\\]|\\.)*)"')


def _writes(call: str, rest: str) -> bool:
    return call == "creat" or any(flag in rest for flag in ("O_WRONLY", "O_RDWR", "O_CREAT"))


def _paths(rest: str, working: Path) -> Iterator[str]:
    """The paths among a call's arguments, absolute."""
    for folder, path in _PATH.findall(rest):
        yield os.path.normpath(os.path.join(folder or working, path))

"""Watches the Python process that it is loaded into, from before its first import.

It stands on PYTHONPATH, so that every Python process of a watched program loads it, also those
that the program starts. Two watchers:

- An audit hook reports what Python code opens for writing, makes, renames, removes, connects to,
  resolves and starts. It does not see what native code does.
- A seccomp filter ends the process with SIGSYS at a system call for which the program has no use:
  the socket of a name's resolution, for instance. It sees native code, and no thread escapes it.
  Linux on x86-64 and AArch64 only.

WATCH_REPORT names the file for the reports, lines of JSON. WATCH_NETWORK says what the filter lets
pass: nothing (`none`), connections from others (`listen`) or to others (`connect`), or, without a
filter, everything (`any`).
"""

import ctypes
import faulthandler
import json
import os
import platform
import signal
import socket
import struct
import sys
from collections.abc import Sequence

PATHS = {
    "os.chmod": 1,
    "os.chown": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.utime": 1,
}
"""Events about files, with how many paths they begin with. They end with the number of an open
folder that the paths start from, or -1."""

WHOLE_PATHS = {"os.truncate", "shutil.rmtree", "sqlite3.connect"}
"""Events about one file, whose path starts from the working folder."""

NETWORK = {
    "ftplib.connect",
    "http.client.connect",
    "imaplib.open",
    "nntplib.connect",
    "poplib.connect",
    "smtplib.connect",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.getnameinfo",
    "socket.sendmsg",
    "socket.sendto",
    "telnetlib.Telnet.open",
    "urllib.Request",
    "webbrowser.open",
}
PROCESSES = {
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

TOLD = {**os.environ}  # noqa: TID251  the tests' own variables, no settings
REPORT = os.open(TOLD["WATCH_REPORT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def report(kind: str, event: str, *values: object) -> None:
    """Append a line to the report."""
    line = json.dumps([kind, event, *map(_plain, values)])
    os.write(REPORT, f"{line}\n".encode())


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return str(value)


def hear(event: str, arguments: Sequence[object]) -> None:
    """Report an event of the interpreter if it may leave something behind or reach somebody."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITING and not isinstance(path, int):
            report("file", event, os.path.abspath(os.fsdecode(path)))
    elif event in PATHS:
        for path in arguments[: PATHS[event]]:
            if (whole := _whole(path, arguments[-1])) is not None:
                report("file", event, whole)
    elif event in WHOLE_PATHS and arguments[0] != ":memory:":
        report("file", event, os.path.abspath(os.fsdecode(arguments[0])))
    elif event in NETWORK:
        # The first argument of events of a socket is the socket itself.
        target = arguments[1:] if isinstance(arguments[0], socket.socket) else arguments
        report("network", event, *target)
    elif event in PROCESSES:
        report("process", event, arguments[0])


def _whole(path: object, folder: object) -> str | None:
    """A path from the root; None where the system does not tell what an open folder is called."""
    if isinstance(path, int):
        return None
    start = "."
    if isinstance(folder, int) and folder >= 0:
        try:
            start = os.readlink(f"/proc/self/fd/{folder}")
        except OSError:
            return None
    return os.path.abspath(os.path.join(start, os.fsdecode(path)))


# By machine: the architecture's number for the filter, then its numbers of the calls.
ARCHITECTURES = {
    "x86_64": (0xC000003E, {"socket": 41, "connect": 42, "io_uring_setup": 425}),
    "aarch64": (0xC00000B7, {"socket": 198, "connect": 203, "io_uring_setup": 425}),
}

ALLOW, TRAP, NO_SUCH_CALL = 0x7FFF0000, 0x00030000, 0x00050000 | 38
LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
CALL, ARCHITECTURE, DOMAIN, TYPE = 0, 4, 16, 24
"""Offsets in what a filter is given: the call's number, the architecture, two arguments."""

TYPE_MASK = 0xF
"""A socket's type without its flags."""

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2


class Program(ctypes.Structure):
    """A filter, as the kernel takes it."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def filter_code(network: str, architecture: int, calls: dict[str, int]) -> bytes:
    """The filter's instructions: each compares, and skips so many when equal or not equal."""
    streams_allowed = network in {"listen", "connect"}
    connects_allowed = network != "listen"
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, TRAP),
        (LOAD, 0, 0, CALL),
        # Where the ring is missing, whoever would have used it makes the calls one by one.
        (EQUAL, 0, 1, calls["io_uring_setup"]),
        (RETURN, 0, 0, NO_SUCH_CALL),
        # A service connects to nobody, not even to a socket file.
        (EQUAL, 0, 1, calls["connect"]),
        (RETURN, 0, 0, ALLOW if connects_allowed else TRAP),
        (EQUAL, 1, 0, calls["socket"]),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, DOMAIN),
        (EQUAL, 2, 0, int(socket.AF_INET)),
        (EQUAL, 1, 0, int(socket.AF_INET6)),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, TYPE),
        (AND, 0, 0, TYPE_MASK),
        (EQUAL, 0, 1, int(socket.SOCK_STREAM)),
        (RETURN, 0, 0, ALLOW if streams_allowed else TRAP),
        # All else of the internet: the datagrams of a resolution above all.
        (RETURN, 0, 0, TRAP),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def confine(network: str) -> bool:
    """Set the filter for this process and those that it starts. Returns whether it could."""
    known = ARCHITECTURES.get(platform.machine())
    if network == "any" or not sys.platform.startswith("linux") or known is None:
        return False
    code = filter_code(network, *known)
    program = Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    faulthandler.register(signal.SIGSYS, all_threads=True, chain=True)
    return not libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


report("watcher", "pid", os.getpid())
report("watcher", "audit", True)
report("watcher", "seccomp", confine(TOLD["WATCH_NETWORK"]))
sys.addaudithook(hear)

"""A service in a process of its own, and the connections of those who attack it.

Attackers come from 127.0.0.2, which is this machine and no trusted proxy.
"""

import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.forking import Program, Programs

ATTACKER = "127.0.0.2"
MIB = 2**20


@dataclass(frozen=True)
class Attacked:
    """A running service. sockets: the attackers' connections, closed with it."""

    process: Program
    url: str
    project_id: str
    api_key: str
    admin_key: str
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Recallr-Api-Key": self.api_key, "X-Recallr-Project-Id": self.project_id}

    @property
    def memory_bytes(self) -> int:
        """Memory of the process that is in RAM."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def connect(
        self, sent: bytes = b"", host: str = ATTACKER, receive_bytes: int | None = None
    ) -> socket.socket:
        """Open a connection from an address and send something."""
        opened = socket.socket()
        self.sockets.append(opened)
        if receive_bytes is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        opened.bind((host, 0))
        opened.settimeout(20)
        url = httpx.URL(self.url)
        opened.connect((url.host, url.port))
        opened.sendall(sent)
        return opened

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """The head of a request."""
        lines = [f"{name}: {value}" for name, value in {"Host": "localhost", **headers}.items()]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()

    def flood(self, sent: list[tuple[socket.socket, bytes]], seconds: float) -> int:
        """Send on many connections at once for some time; the most memory seen meanwhile."""
        most = self.memory_bytes
        ends_at = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for opened, data in sent:
                opened.setblocking(False)
                selector.register(opened, selectors.EVENT_WRITE, memoryview(data))
            while selector.get_map() and time.monotonic() < ends_at:
                for key, _ in selector.select(0.05):
                    left = key.data
                    try:
                        left = left[key.fileobj.send(left[:262_144]) :]  # type: ignore[union-attr]
                    except OSError:
                        left = left[:0]
                    if left:
                        selector.modify(key.fileobj, selectors.EVENT_WRITE, left)
                    else:
                        selector.unregister(key.fileobj)
                most = max(most, self.memory_bytes)
        return most

    def statuses(self, count: int) -> list[int]:
        """Statuses of so many requests of another caller, each on a connection of its own."""
        return [self.ask("/api/v1/users", headers=self.headers).status_code for _ in range(count)]

    def ask(self, path: str, **named: Any) -> httpx.Response:
        """Make a request; named: of `httpx.request`, a GET unless it is said otherwise."""
        method = named.pop("method", "GET")
        return httpx.request(method, f"{self.url}{path}", timeout=15, verify=False, **named)


@contextlib.contextmanager
def attacked(
    programs: Programs, folder: Path, descriptors: int | None = None, **settings: Any
) -> Iterator[Attacked]:
    """A service on a new file. descriptors: most files that its process may have open."""
    arguments = [str(folder / "memory.db"), json.dumps(settings)]
    arguments += [] if descriptors is None else [str(descriptors)]
    log = folder / "log"
    with programs.running("tests.server.attacked_process", *arguments, log=log) as process:
        line = process.stdout.readline()
        assert line, log.read_text()
        service = Attacked(process, *json.loads(line))
        try:
            yield service
        finally:
            process.kill()
            for opened in service.sockets:
                opened.close()
